import assert from "node:assert/strict";
import { test } from "node:test";

import { PATHOLOGICAL, PAYLOADS } from "./payloads.js";
import { SAMPLES } from "./samples.js";
import { chance, element, inChunks, inRandomChunks, LOCATION, serialised, streamed, UNDRESSED, whole } from "./page.js";
import { renderMarkdown } from "../../../static/js/markdown/stream.js";

const PLAIN = /^(p|h[1-6]|ul|ol|li|blockquote|summary|table|thead|tbody|tr|th|td|pre|code|em|strong|s|b|i|u|details|summary|sub|sup|kbd|mark|br|hr|a|span|div|button|input)$/;
const CLASSES = /^(code-block|code-header|code-language|code-file|code-button code-(copy|wrap)|code-content|code-(keyword|string|number|comment|name|type|attribute|meta|added|removed)|markdown-part|table-scroll|task-item|alert alert-(note|tip|important|warning|caution)|alert-title|footnote|footnote-(label|mark)|plain-text|image-placeholder|image-(alt|host|hint|load)|link-mismatch|link-host|math|math math-(display|long)|align-(left|center|right)|language-[\w+#.-]{1,32})$/;
const CONVERSATION = /^\/c\/[0-9a-f-]{36}$/;

/** The rule for each attribute: which elements may have it, with which values. */
const ATTRIBUTES = {
  class: [PLAIN, CLASSES],
  dir: [/^(p|h[1-6]|ul|ol|blockquote|summary|table|th|td|pre|code|div|span)$/, /^(auto|ltr|rtl)$/],
  hidden: [/^p$/, /^$/],
  "data-definition": [/^p$/, /^/],
  translate: [/^(code|div|span)$/, /^no$/],
  href: [/^a$/, (value) => isAllowedUrl(value)],
  title: [/^(a|span)$/, /^/],
  rel: [/^a$/, /^noopener noreferrer nofollow ugc$/],
  target: [/^a$/, /^_blank$/],
  referrerpolicy: [/^a$/, /^no-referrer$/],
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
  "data-note": [/^div$/, /^\S+$/],
  "data-tex": [/^(div|span)$/, /^/],
  "data-host": [/^a$/, /^[a-z0-9.:[\]-]+$/],
  "data-image": [/^span$/, /^https:\/\/[^@\s]+$/],
};

function isAllowedUrl(value) {
  if (value.startsWith("#") || CONVERSATION.test(value)) return true;
  const url = new URL(value);
  if (url.protocol === "mailto:") return true;
  return /^https?:$/.test(url.protocol) && !url.username && !url.password && url.origin !== new URL(LOCATION).origin;
}

function assertSafe(container, source) {
  for (const node of container.querySelectorAll("*")) {
    assert.match(node.localName, PLAIN, JSON.stringify(source));
    for (const { name, value } of node.attributes) {
      const [elements, values] = ATTRIBUTES[name] ?? assert.fail(`${node.localName}[${name}] from ${JSON.stringify(source)}`);
      assert.match(node.localName, elements);
      const allowed = typeof values === "function" ? values(value) : values.test(value);
      assert.ok(allowed, `${node.localName}[${name}=${JSON.stringify(value)}] from ${JSON.stringify(source)}`);
    }
    if (node.localName === "input") assert.ok(node.hasAttribute("disabled"));
    if (node.localName === "a") assert.equal(node.querySelector("a"), null);
    if (/^https?:/.test(node.getAttribute("href") ?? "")) assert.equal(node.getAttribute("rel"), "noopener noreferrer nofollow ugc");
  }
}

test("no payload rendered as a whole creates other than allowed elements, attributes and URLs", () => {
  for (const payload of PAYLOADS) assertSafe(whole(payload), payload);
});

test("nor does any payload at any step of streaming it by character", () => {
  for (const payload of PAYLOADS) {
    const { container } = streamed(payload.split(""), (now) => assertSafe(now, payload));
    assert.equal(serialised(container), serialised(whole(payload)), JSON.stringify(payload));
  }
});

test("nor does any payload when split at any index", () => {
  for (const payload of PAYLOADS) {
    for (let index = 1; index < payload.length; index += 1) {
      streamed([payload.slice(0, index), payload.slice(index)], (now) => assertSafe(now, payload));
    }
  }
});

test("nor does any payload inside other markup", () => {
  const random = chance(34);
  for (const payload of PAYLOADS) {
    const text = `${random.pick(SAMPLES)}${random.pick(["", "> ", "- ", "| a |\n|---|\n| ", "**", "[", "`"])}${payload}${random.pick(SAMPLES)}`;
    streamed(inRandomChunks(text, random, 9), (now) => assertSafe(now, text));
  }
});

test("HTML stays visible as text", () => {
  for (const payload of ["<img src=x onerror=__x=1>", "<script>__x=1</script>", "<SUB x>e</SUB>", "<br onclick=x>", "<div>a</div>", "<b style=x>a</b>"]) {
    const container = whole(payload);
    assert.equal(container.querySelector("p").childNodes.length, 1);
    assert.equal(container.textContent, payload);
  }
});

test("refused links are shown as text, and images never load", () => {
  assert.equal(whole("[text](javascript:__x=1)").querySelector("a"), null);
  assert.equal(whole("[text](/accounts/logout/)").textContent, "text");
  assert.equal(whole("[text](https://chat.example/accounts/logout/)").querySelector("a"), null);
  for (const payload of PAYLOADS) assert.equal(whole(payload).querySelector("img"), null);
});

test("an image is a placeholder that names its host", () => {
  const placeholder = whole("![a cat](https://cats.example/1.png)").querySelector(".image-placeholder");
  assert.equal(placeholder.getAttribute("data-image"), "https://cats.example/1.png");
  assert.equal(placeholder.querySelector("button[data-action=load-image]").textContent, "a cat Load image");
  assert.equal(placeholder.querySelector("a").getAttribute("href"), "https://cats.example/1.png");
  assert.equal(placeholder.querySelector("a").textContent, "cats.example");
  assert.equal(whole("[![x](https://evil.example/1)](https://ok.example)").querySelectorAll("a").length, 1);
  for (const refused of ["/accounts/logout/", "https://chat.example/accounts/logout/", "//evil.example/x"]) {
    const image = whole(`![x](${refused})`);
    assert.equal(image.querySelector("a, button"), null, refused);
    assert.equal(image.textContent, "x");
  }
});

test("an unencrypted image is only linked", () => {
  const placeholder = whole("![a cat](http://cats.example/1.png)").querySelector(".image-placeholder");
  assert.equal(placeholder.querySelector("button"), null);
  assert.equal(placeholder.querySelector("a").getAttribute("href"), "http://cats.example/1.png");
});

test("a link whose text names another host shows where it leads", () => {
  const link = whole("[https://bank.example](https://evil.example/x)").querySelector("a");
  assert.equal(link.getAttribute("class"), "link-mismatch");
  assert.equal(link.textContent, "https://bank.example (leads to evil.example)");
  assert.equal(whole("[a](https://\u0430pple.com)").querySelector("a").getAttribute("title"), "xn--pple-43d.com");
  assert.equal(whole("[a](https://\u0430pple.com)").querySelector("a").getAttribute("data-host"), "xn--pple-43d.com");
  assert.equal(whole("<https://example.org/a>").querySelector("a").hasAttribute("data-host"), false);
});

test("a link with reversed letters shows where it leads", () => {
  const link = whole("[\u202emoc.knab\u202c](https://evil.example/x)").querySelector("a");
  assert.equal(link.getAttribute("class"), "link-mismatch");
  assert.match(link.textContent, /\(leads to evil\.example\)$/);
});

for (const [name, text] of Object.entries(PATHOLOGICAL)) {
  test(`${name}: neither hangs nor overflows, and stays safe`, () => {
    const container = element();
    renderMarkdown(container, text, { location: LOCATION, dressing: UNDRESSED });
    assertSafe(container, name);
    assert.equal(serialised(streamed(inChunks(text, 997)).container), serialised(container));
  });
}

test("too deeply nested text stays readable", () => {
  assert.match(whole(`${"> ".repeat(500)}deep *text*`).textContent, /deep \*text\*/);
  assert.match(whole(`${"- ".repeat(500)}deep`).textContent, /deep/);
});
