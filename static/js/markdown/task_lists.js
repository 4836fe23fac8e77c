/** GitHub task lists: an item that begins with `[ ]` or `[x]` gets a read-only checkbox. */

const MARK = /^\[([ xX])\][ \t\n]+(?=\S)/;

/** @param {import("./parser.js").MarkdownIt} parser */
export function taskLists(parser) {
  parser.core.ruler.after("inline", "task_lists", ({ tokens, Token }) => {
    for (let index = 2; index < tokens.length; index += 1) {
      const inline = tokens[index];
      if (inline.type !== "inline" || tokens[index - 1].type !== "paragraph_open") continue;
      const item = tokens[index - 2];
      const first = inline.children?.[0];
      const mark = item.type === "list_item_open" && first?.type === "text" && MARK.exec(inline.content);
      // A bracket that became part of a link or another construct is no longer a task.
      if (!mark || !first.content.startsWith(mark[0].slice(0, 3))) continue;
      const checkbox = new Token("task_checkbox", "input", 0);
      checkbox.info = mark[1] === " " ? "" : "checked";
      first.content = first.content.slice(mark[0].trimEnd().length).trimStart();
      const space = new Token("text", "", 0);
      space.content = " ";
      inline.children?.unshift(checkbox, space);
      item.meta = { task: true };
    }
  });
}
