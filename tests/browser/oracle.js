// What may stand in the page. Runs in every document before its own scripts, and looks at each change as it is made.
(() => {
  const PLAIN = /^(p|h[1-6]|ul|ol|li|blockquote|table|thead|tbody|tr|th|td|pre|code|em|strong|s|sub|sup|kbd|mark|br|hr|a|span|div|button|input)$/;
  const CLASSES = /^(code-block|code-header|code-language|code-button code-(copy|wrap)|code-content|code-(keyword|string|number|comment|name|type|attribute|meta|added|removed)|markdown-part|table-scroll|task-item|plain-text|image-placeholder|image-(alt|host|hint|load)|link-mismatch|link-host|math|math math-display|align-(left|center|right)|language-[\w+#.-]{1,32})$/;
  // For each attribute of an answer: which elements may have it, and with which values.
  const ATTRIBUTES = {
    class: [PLAIN, CLASSES],
    dir: [/^(p|h[1-6]|ul|ol|blockquote|th|td|pre|div|span)$/, /^(auto|ltr)$/],
    href: [/^a$/, /^(https?:\/\/(?!127\.0\.0\.1|localhost)[^@\s]+|mailto:.*|#\S*|\/c\/[0-9a-f-]{36})$/],
    title: [/^(a|span)$/, /^/],
    rel: [/^a$/, /^noopener noreferrer nofollow ugc$/],
    target: [/^a$/, /^_blank$/],
    referrerpolicy: [/^a$/, /^no-referrer$/],
    start: [/^ol$/, /^\d{1,9}$/],
    scope: [/^th$/, /^col$/],
    tabindex: [/^(div|pre|span)$/, /^0$/],
    role: [/^div$/, /^region$/],
    "aria-label": [/^(div|input)$/, /^(Table|Done|To do)$/],
    type: [/^(input|button)$/, /^(checkbox|button)$/],
    disabled: [/^input$/, /^$/],
    checked: [/^input$/, /^$/],
    "data-action": [/^button$/, /^(copy-code|wrap-code|load-image)$/],
    "aria-pressed": [/^button$/, /^(true|false)$/],
    "data-tex": [/^(div|span)$/, /^/],
    "data-host": [/^a$/, /^[a-z0-9.:[\]-]+$/],
    "data-image": [/^span$/, /^https:\/\/[^@\s]+$/],
    "data-outcome": [/^button$/, /^(copied|failed)$/],
  };
  // A formula: MathML that says how it looks, and nothing else.
  const FORMULA = /^(math|mfrac|mi|mmultiscripts|mn|mo|mover|mpadded|mphantom|mprescripts|mroot|mrow|mspace|msqrt|mstyle|msub|msubsup|msup|mtable|mtd|mtext|mtr|munder|munderover|none)$/;
  const FORMULA_ATTRIBUTES = /^(accent|accentunder|class|column(align|lines|spacing)|depth|display|displaystyle|fence|form|height|largeop|linebreak|linethickness|lspace|math(background|color|size|variant)|maxsize|minsize|movablelimits|row(lines|spacing)|rspace|scriptlevel|separator|stretchy|style|symmetric|voffset|width)$/;
  const FORMULA_VALUE = /^(?!.*(url|fixed|absolute|expression|(?<![.\d])\d{4,}(\.\d+)?(em|pt|px)))[^<>]*$/;
  // Nowhere in a page, whoever put it there.
  const FORBIDDEN = "iframe, object, embed, base, frame, portal, img, image, audio, video, source, style, meta[http-equiv]";

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

  const wrongAnywhere = (element) => [
    ...(element.matches(FORBIDDEN) ? [`<${element.localName}>`] : []),
    ...[...element.attributes].filter(({ name }) => /^(on|style$|srcdoc$)/.test(name)).map(({ name }) => `<${element.localName} ${name}>`),
  ];

  const wrongIn = (element) => {
    if (isFormula(element)) return wrongInFormula(element);
    const message = element.closest(".message__body");
    const wrong = wrongAnywhere(element);
    if (!message || message === element) return wrong;
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
