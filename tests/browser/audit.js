// What an auditor of pages looks at, without a clock. Runs in every document before its own scripts.
(() => {
  const problems = new Set();
  const say = (what) => problems.add(what);
  const nameOf = (element) => [element.localName, element.id && `#${element.id}`, element.name && `[name=${element.name}]`, ...[...element.classList].map((name) => `.${name}`)].filter(Boolean).join("");
  const shifted = new Set();
  let shift = 0;
  let session = { value: 0, from: 0, last: 0 };

  // What keeps a page from being kept, makes scrolling wait, or asks for what nobody has offered.
  const listen = EventTarget.prototype.addEventListener;
  const SCROLLING = /^(touchstart|touchmove|wheel|mousewheel)$/;
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    if (/^(unload|beforeunload)$/.test(type)) say(`listens to ${type}`);
    const global = [window, document, document.body, document.documentElement].includes(this ?? window);
    if (SCROLLING.test(type) && !global && options?.passive !== true) say(`${nameOf(this)} listens to ${type}, and may refuse it`);
    return listen.call(this ?? window, type, listener, options);
  };
  const forbid = (object, name) => object && (object[name] = () => say(`calls ${name}`));
  forbid(document, "write");
  forbid(navigator.geolocation, "getCurrentPosition");
  forbid(window.Notification, "requestPermission");

  new ReportingObserver((reports) => reports.forEach(({ type, body }) => say(`${type}: ${body.message ?? body.id}`)), { types: ["deprecation", "intervention"], buffered: true }).observe();
  // As the score of Core Web Vitals: the worst of the bursts, each at most five seconds long.
  const count = (entries) => {
    for (const { value, startTime, hadRecentInput, sources } of entries) {
      if (hadRecentInput) continue;
      for (const { node } of sources) if (node instanceof Element) shifted.add(nameOf(node));
      const goesOn = startTime - session.last < 1_000 && startTime - session.from < 5_000;
      session = goesOn ? { ...session, value: session.value + value, last: startTime } : { value, from: startTime, last: startTime };
      shift = Math.max(shift, session.value);
    }
  };
  const shifts = new PerformanceObserver((list) => count(list.getEntries()));
  shifts.observe({ type: "layout-shift", buffered: true });

  const all = (selector) => [...document.querySelectorAll(selector)];
  const isSeen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !isClipped(element);
  // For screen readers alone.
  const isClipped = (element) => element.closest(".visually-hidden, .skip-link") !== null;

  const auditHead = ({ isPublic, isLong }) => {
    const content = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
    if (!document.documentElement.lang) say("no language");
    if (!document.title.trim()) say("no title");
    if (!/width=device-width/.test(content("viewport"))) say("no viewport");
    if (/user-scalable\s*=\s*(no|0)|maximum-scale/.test(content("viewport"))) say("cannot be zoomed");
    if (isPublic && !content("description").trim()) say("no description");
    if (document.compatMode !== "CSS1Compat" || document.characterSet !== "UTF-8") say("no doctype, or another encoding");
    const titles = all("h1:not(.markdown h1)");
    if (titles.length !== 1) say(`${titles.length} headings of the first level`);
    const ids = all("[id]").map(({ id }) => id);
    ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => say(`the id ${id} twice`));
    all("script[src]:not([type=module], [defer], [async])").forEach(({ src }) => say(`${src} makes the page wait`));
    if (!isLong && all("*").length > 1_400) say(`${all("*").length} elements`);
  };

  const auditParts = () => {
    for (const link of all("a")) {
      if (!link.href || /^javascript:/.test(link.href)) say(`${nameOf(link)} leads nowhere`);
      if (link.target === "_blank" && !/noopener|noreferrer/.test(link.rel)) say(`${nameOf(link)} gives itself away`);
    }
    for (const image of all("img")) if (!image.width || !image.height || !image.hasAttribute("alt")) say(`${nameOf(image)} has no size, or no words`);
    for (const field of all("input:not([type=hidden]), textarea, select")) {
      if (!field.labels?.length && !field.getAttribute("aria-label") && !field.getAttribute("aria-labelledby")) say(`${nameOf(field)} has no label`);
      if (!/^(radio|checkbox|submit)$/.test(field.type) && !field.autocomplete) say(`${nameOf(field)} does not say what may be filled in`);
      if (!field.dispatchEvent(new ClipboardEvent("paste", { cancelable: true }))) say(`${nameOf(field)} refuses what is pasted`);
    }
  };

  // Links within a line of text are as high as the line: WCAG 2.5.8 lets them be.
  const isInText = (element) => getComputedStyle(element).display === "inline" && element.parentElement.textContent.trim() !== element.textContent.trim();

  const auditSizes = () => {
    for (const target of all("a[href], button, input:not([type=hidden], :disabled), textarea, select, summary, [role=option], [role=menuitem]")) {
      if (!isSeen(target) || isInText(target)) continue;
      const pressed = /^(radio|checkbox)$/.test(target.type) ? target.labels[0] ?? target : target;
      const { width, height } = pressed.getBoundingClientRect();
      if (Math.min(width, height) < 24) say(`${nameOf(target)} is ${Math.round(width)} × ${Math.round(height)}`);
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { parentElement: element, data } = texts.currentNode;
      const size = parseFloat(getComputedStyle(element).fontSize);
      if (data.trim() && size < 12 && isSeen(element) && !element.closest("math, script, style, noscript")) say(`${nameOf(element)} is written in ${size} px: ${data.trim().slice(0, 20)}`);
    }
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) say(`the page is ${scrollWidth} wide on a screen of ${clientWidth}`);
  };

  window.audit = (options) => {
    auditHead(options);
    auditParts();
    auditSizes();
    count(shifts.takeRecords());
    if (shift > 0.1) say(`the layout has shifted by ${shift}: ${[...shifted].join(", ")}`);
    const found = [...problems];
    problems.clear();
    return found;
  };
})();
