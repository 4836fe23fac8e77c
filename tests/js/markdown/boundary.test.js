import assert from "node:assert/strict";
import { test } from "node:test";

import { streamed, serialised, whole } from "./page.js";

const of = (selector, text) => [...whole(text).querySelectorAll(selector)].map(({ textContent }) => textContent);

const STRONG = {
  "これは**「強調」**の例です。": ["「強調」"],
  "**注意：**请先保存。": ["注意："],
  "**「甲」**なので**「乙」**です。": ["「甲」", "「乙」"],
  "한국어**[강조]**입니다.": ["[강조]"],
  "请用**`ls`**运行": ["ls"],
  "他说**“你好”**吗": ["“你好”"],
  "นี่คือ**\"เน้น\"**ครับ": ["\"เน้น\""],
  "これは__「強調」__の例": ["「強調」"],
  "中文**English**中文": ["English"],
  "𠮷**（注）**𠮷": ["（注）"],
};

for (const [text, expected] of Object.entries(STRONG)) {
  test(`${text} is bold where marked`, () => {
    assert.deepEqual(of("strong", text), expected);
    assert.doesNotMatch(whole(text).textContent, /[*_]/);
    assert.equal(serialised(streamed([...text]).container), serialised(whole(text)));
  });
}

test("strikethrough ends at any punctuation before a letter of a script without spaces", () => {
  assert.deepEqual(of("s", "~~删除（这里）。~~继续"), ["删除（这里）。"]);
});

test("names joined by underscores, and words of scripts with spaces, follow CommonMark", () => {
  assert.deepEqual(of("em, strong", "用户_名称_列 snake_case_name a__b__c"), []);
  assert.deepEqual(of("em, strong", "a**\"b\"**c\n\nl·l**«x»**y"), []);
  assert.deepEqual(of("em, strong", "** 「a」 **"), []);
});
