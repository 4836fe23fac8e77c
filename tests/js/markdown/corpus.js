import { readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("./corpus/", import.meta.url);

/** Texts as models write them, in many scripts, by name. Each begins with a line `%% name` in one of the files. */
export const CORPUS = Object.fromEntries(
  readdirSync(FOLDER).sort().flatMap((file) => documentsIn(file.replace(".md", ""), readFileSync(new URL(file, FOLDER), "utf8"))),
);

function documentsIn(group, text) {
  return text.split(/^%% /m).slice(1).map((part) => {
    const end = part.indexOf("\n");
    return [`${group}: ${part.slice(0, end)}`, part.slice(end + 1).replace(/\n+$/, "\n")];
  });
}
