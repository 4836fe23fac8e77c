import { readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("./answers/", import.meta.url);

/** Typical model answers, by name. */
export const ANSWERS = Object.fromEntries(
  readdirSync(FOLDER).sort().map((file) => [file.replace(".md", ""), readFileSync(new URL(file, FOLDER), "utf8")]),
);
