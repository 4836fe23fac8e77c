// What may stand in the page. Runs in every document before its own scripts, and looks at each change as it is made.
(() => {
  // The last is a picture that was asked for: without a script, an origin or a referrer, and from this site's own page.
  const FRAME = /^iframe$/;
  const PLAIN = /^(p|h[1-6]|ul|ol|li|blockquote|table|thead|tbody|tr|th|td|pre|code|em|strong|s|b|i|u|details|summary|sub|sup|kbd|mark|br|hr|a|span|div|button|input|iframe)$/;
  const CLASSES = /^(code-block|code-header|code-language|code-file|code-button code-(copy|wrap)|code-content|code-(keyword|string|number|comment|name|type|attribute|meta|added|removed)|markdown-part|table-scroll|task-item|alert alert-(note|tip|important|warning|caution)|alert-title|footnote|footnote-(label|mark)|plain-text|image-placeholder|image-(alt|host|hint|load|frame)|link-mismatch|link-host|math|math math-(display|long)|align-(left|center|right)|language-[\w+#.-]{1,32})$/;
  // For each attribute of an answer: which elements may have it, and with which values.
  const ATTRIBUTES = {
    class: [PLAIN, CLASSES],
    dir: [/^(p|h[1-6]|ul|ol|blockquote|summary|table|th|td|pre|code|div|span)$/, /^(auto|ltr|rtl)$/],
    translate: [/^(code|div|span)$/, /^no$/],
    hidden: [/^p$/, /^$/],
    "data-definition": [/^p$/, /^/],
    "data-note": [/^div$/, /^\S+$/],
    open: [/^details$/, /^$/],
    href: [/^a$/, /^(https?:\/\/(?!127\.0\.0\.1|localhost)[^@\s]+|mailto:.*|#\S*|\/c\/[0-9a-f-]{36})$/],
    title: [/^(a|span|iframe)$/, /^/],
    rel: [/^a$/, /^noopener noreferrer nofollow ugc$/],
    target: [/^a$/, /^_blank$/],
    referrerpolicy: [/^(a|iframe)$/, /^no-referrer$/],
    sandbox: [FRAME, /^$/],
    src: [FRAME, /^\/image\?address=https%3A%2F%2F[\w%.~!*'()-]+$/],
    start: [/^ol$/, /^\d{1,9}$/],
    scope: [/^th$/, /^col$/],
    tabindex: [/^(div|pre|span)$/, /^(0|-1)$/],
    role: [/^div$/, /^region$/],
    "aria-label": [/^(div|input|button)$/, /^(Table|Done|To do|Footnote \S+)$/],
    type: [/^(input|button)$/, /^(checkbox|button)$/],
    disabled: [/^input$/, /^$/],
    checked: [/^input$/, /^$/],
    "data-action": [/^button$/, /^(copy-code|wrap-code|load-image|show-footnote)$/],
    "aria-pressed": [/^button$/, /^(true|false)$/],
    "data-tex": [/^(div|span)$/, /^/],
    "data-host": [/^a$/, /^[a-z0-9.:[\]-]+$/],
    "data-image": [/^span$/, /^https:\/\/[^@\s]+$/],
    "data-outcome": [/^button$/, /^(copied|failed)$/],
  };
  // A formula: MathML that says how it looks, and nothing else.
  const FORMULA = /^(annotation|maction|math|menclose|mfrac|mi|mmultiscripts|mn|mo|mover|mpadded|mphantom|mprescripts|mroot|mrow|ms|mspace|msqrt|mstyle|msub|msubsup|msup|mtable|mtd|mtext|mtr|munder|munderover|none|semantics)$/;
  const FORMULA_ATTRIBUTES = /^(accent|accentunder|class|column(align|lines|spacing)|data-fit|depth|display|displaystyle|fence|form|height|largeop|linebreak|linethickness|lspace|math(background|color|size|variant)|maxsize|minsize|movablelimits|notation|row(lines|spacing)|rspace|scriptlevel|separator|stretchy|style|symmetric|voffset|width)$/;
  const FORMULA_VALUE = /^(?!.*(url|fixed|absolute|expression|(?<![.\d])\d{4,}(\.\d+)?(em|pt|px)))[^<>]*$/;
  // What the rest of a page is made of: its templates, and the few elements that its scripts make.
  const PAGE = /^(html|head|body|meta|title|link|script|template|noscript|header|footer|main|nav|section|article|h[1-4]|p|div|span|a|b|bdi|kbd|code|pre|mark|ul|ol|li|dl|dt|dd|button|form|fieldset|legend|label|input|textarea|dialog|details|summary|table|thead|tbody|tr|th|td|caption|(chat|side|conversation|connection|demo|undo|theme)-[a-z]+)$/;
  const PAGE_ATTRIBUTES = /^(action|aria-[a-z]+|async|autocapitalize|autocomplete|autofocus|charset|checked|class|content|crossorigin|data-[a-z-]+|dir|disabled|draggable|enterkeyhint|for|hidden|href|id|lang|maxlength|media|method|minlength|name|open|placeholder|popover|popovertarget|readonly|rel|required|role|rows|scope|spellcheck|src|tabindex|title|type|value)$/;
  const DRAWING = /^(svg|symbol|path|circle|rect|use)$/;
  const DRAWING_ATTRIBUTES = /^(aria-hidden|class|cx|cy|d|data-[a-z-]+|fill|focusable|height|href|id|r|rx|stroke|stroke-width|viewBox|width|x|y)$/;
  // Where a page leads by itself: never elsewhere.
  const ADDRESS = /^(href|src|action)$/;
  // Somebody's words, and nothing but words.
  const WORDS = [
    ".message__label", ".message__status", ".message__note", ".message__thoughts", ".tool__name", ".tool__state", ".tool__text",
    ".agent__name", ".agent__state", ".failure__title", ".failure__detail", ".details__rows dd", ".versions__count",
    "#conversation-title", ".conversation__title", "#toast [data-part=text]", "[data-part=problem-text]", "#announcer",
    "#palette [data-part=status]", ".palette__aside", "#composer-hint", ".picker__button [data-part=name]", ".picker__told",
    ".option__words > *", ".prompt", ".user__button .truncate", ".welcome__title bdi", "#sign-in-problem", ".flash", ".errorlist li",
    ".code-language", ".code-file", ".footnote-label", ".link-host", ".image-alt", ".image-hint", ".tool__items li > b", "#palette mark", "title", "textarea",
  ].join(", ");
  // Nowhere in a page, whoever put it there.
  const FORBIDDEN = "iframe:not(.message__body .image-frame), object, embed, base, frame, portal, img, image, audio, video, source, style, meta[http-equiv]";

  const isFormula = (element) => element.namespaceURI === "http://www.w3.org/1998/Math/MathML" && element.closest(".message__body .math") !== null;

  const wrongInFormula = (element) => {
    if (!FORMULA.test(element.localName)) return [`<${element.localName}>`];
    return [...element.attributes]
      .filter(({ name, value }) => !FORMULA_ATTRIBUTES.test(name) || !FORMULA_VALUE.test(value))
      .map(({ name, value }) => `<${element.localName} ${name}=${JSON.stringify(value)}>`);
  };

  const wrongInAnswer = (element) => {
    if (!PLAIN.test(element.localName)) return [`<${element.localName}>`];
    return [...element.attributes]
      .filter(({ name, value }) => {
        const [elements, values] = ATTRIBUTES[name] ?? [];
        return !elements?.test(element.localName) || !values.test(value);
      })
      .map(({ name, value }) => `<${element.localName} ${name}=${JSON.stringify(value)}>`);
  };

  const isOwnAddress = (element, name) => {
    const url = new URL(element.getAttribute(name), location.href);
    return url.origin === location.origin;
  };

  const wrongAnywhere = (element) => [
    ...(element.matches(FORBIDDEN) ? [`<${element.localName}>`] : []),
    ...[...element.attributes].filter(({ name }) => /^(on|style$|srcdoc$)/.test(name)).map(({ name }) => `<${element.localName} ${name}>`),
    ...(element.parentElement?.closest(WORDS) ? [`<${element.localName}> among words`] : []),
  ];

  const wrongInPage = (element) => {
    const drawn = element.namespaceURI === "http://www.w3.org/2000/svg";
    const [names, attributes] = drawn ? [DRAWING, DRAWING_ATTRIBUTES] : [PAGE, PAGE_ATTRIBUTES];
    return [
      ...(names.test(element.localName) ? [] : [`<${element.localName}> in the page`]),
      ...[...element.attributes]
        .filter(({ name }) => !attributes.test(name) || (ADDRESS.test(name) && !isOwnAddress(element, name)))
        .map(({ name, value }) => `<${element.localName} ${name}=${JSON.stringify(value)}> in the page`),
    ];
  };

  const wrongIn = (element) => {
    if (isFormula(element)) return wrongInFormula(element);
    const message = element.closest(".message__body");
    const wrong = wrongAnywhere(element);
    // What was taken out again before this was called may have been a part of a message.
    if (!message && !element.isConnected) return wrong;
    if (!message || message === element) return [...wrong, ...wrongInPage(element)];
    const own = message.closest("[data-role=user]") ? [`<${element.localName}> in a question`] : [];
    return [...wrong, ...own, ...wrongInAnswer(element)];
  };

  /** All that is wrong below a node of the document now. */
  window.wrongBelow = (root) => [root, ...root.querySelectorAll("*")].filter((node) => node instanceof Element).flatMap(wrongIn);

  const report = (mutations) => {
    for (const { type, target, addedNodes } of mutations) {
      const roots = type === "attributes" ? [target] : [...addedNodes].filter((node) => node instanceof Element);
      const wrong = type === "attributes" ? wrongIn(target) : roots.flatMap(window.wrongBelow);
      for (const what of new Set(wrong)) window.tellTheWatch(`oracle: ${what}`);
    }
  };
  new MutationObserver(report).observe(document, { subtree: true, childList: true, attributes: true });
})();
