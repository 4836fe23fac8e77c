import globals from "globals";

const SINK = "is an HTML or script sink: build elements and set textContent instead";

/** @param {string[]} names */
const property = (names) => names.map((name) => ({ property: name, message: `${name} ${SINK}.` }));

const BANNED_PROPERTIES = [
  ...property(["innerHTML", "outerHTML", "insertAdjacentHTML", "createContextualFragment", "setHTMLUnsafe", "setHTML"]),
  ...property(["parseHTMLUnsafe", "srcdoc", "parseFromString"]),
  { object: "document", property: "write", message: `document.write ${SINK}.` },
  { object: "document", property: "writeln", message: `document.writeln ${SINK}.` },
];

const HTML_NAMES =
  "/^(innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|setHTMLUnsafe|setHTML|parseHTMLUnsafe|srcdoc)$/";
const STRING = ":matches(Literal[value=/./], TemplateLiteral)";

const BANNED_SYNTAX = [
  { selector: `MemberExpression > Literal[value=${HTML_NAMES}]`, message: `This property ${SINK}.` },
  { selector: `:matches(Property, PropertyDefinition) > Identifier.key[name=${HTML_NAMES}]`, message: `This property ${SINK}.` },
  { selector: `Property > Literal.key[value=${HTML_NAMES}]`, message: `This property ${SINK}.` },
  { selector: "CallExpression[callee.property.name=/^write(ln)?$/][callee.object.property.name='document']", message: `document.write ${SINK}.` },
  { selector: "Identifier[name='DOMParser']", message: `DOMParser ${SINK}.` },
  { selector: "CallExpression[callee.name='Function']", message: "Do not run code from strings." },
  {
    selector: `CallExpression[callee.name=/^(setTimeout|setInterval)$/] > ${STRING}.arguments:first-child`,
    message: "Pass a function to the timer, not code in a string.",
  },
  {
    selector: `CallExpression[callee.property.name=/^(setTimeout|setInterval)$/] > ${STRING}.arguments:first-child`,
    message: "Pass a function to the timer, not code in a string.",
  },
  {
    selector: "CallExpression[callee.property.name=/^setAttribute(NS)?$/] > Literal[value=/^(style|srcdoc|on.*)$/i]",
    message: "No inline styles, handlers or documents: use a class, addEventListener, or neither.",
  },
  {
    selector: "CallExpression[callee.property.name='setAttribute'] > :not(Literal).arguments:first-child",
    message: "Name the attribute literally, so that it can be checked.",
  },
  {
    selector: "AssignmentExpression > MemberExpression.left[property.name='style']",
    message: "No inline styles: use a class or a custom property in the stylesheet.",
  },
  {
    selector: "AssignmentExpression > MemberExpression.left > MemberExpression.object[property.name='style']",
    message: "No inline styles: use a class.",
  },
  {
    selector: "CallExpression[callee.object.property.name='style'][callee.property.name='setProperty']",
    message: "No inline styles: use a class.",
  },
  {
    selector: "AssignmentExpression > MemberExpression.left[property.name=/^on[a-z]+$/][object.type!='ThisExpression']",
    message: "Use addEventListener.",
  },
];

const DOM_GLOBALS = "document window navigator localStorage sessionStorage location history Element HTMLElement Node customElements requestAnimationFrame";

export default [
  { ignores: ["static/vendor/**", "node_modules/**", "staticfiles/**", ".venv/**"] },
  {
    files: ["static/js/**/*.js", "tests/js/**/*.js", "eslint.config.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "error",
      "no-unused-vars": "error",
      "no-const-assign": "error",
      "no-dupe-keys": "error",
      "no-dupe-class-members": "error",
      "no-self-assign": "error",
      "no-unreachable": "error",
      "no-unsafe-finally": "error",
      "no-unused-private-class-members": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-console": "error",
      "no-debugger": "error",
      "no-alert": "error",
      "no-warning-comments": "error",
      eqeqeq: "error",
      semi: "error",
      quotes: ["error", "double", { avoidEscape: true }],
    },
  },
  {
    files: ["static/js/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: {
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-script-url": "error",
      "no-restricted-properties": ["error", ...BANNED_PROPERTIES],
      "no-restricted-syntax": ["error", ...BANNED_SYNTAX],
    },
  },
  {
    files: ["static/js/client/**/*.js"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...DOM_GLOBALS.split(" ").map((name) => ({ name, message: "The client must run without a page: pass in what it needs." })),
      ],
    },
  },
  { files: ["tests/js/**/*.js", "eslint.config.js"], languageOptions: { globals: globals.node } },
];
