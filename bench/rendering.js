// Streams a text into a message of the chat page: as the page does it, and as tutorials do. Evaluated in that page.
async ({ text, way, tokenCharacters, charactersPerSecond }) => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const idle = () => new Promise((resolve) => requestIdleCallback(resolve, { timeout: 1_000 }));

  const makeMessage = () => {
    const message = document.createElement("article");
    message.className = "message";
    message.dataset.role = "assistant";
    message.dataset.state = "streaming";
    const body = message.appendChild(document.createElement("div"));
    body.className = "message__body markdown";
    document.querySelector("#messages").append(message);
    return { message, body };
  };

  /** The renderer and the pump of the page. */
  const ours = async (body) => {
    const { MarkdownStream } = await import("/static/js/markdown/stream.js");
    const { FramePump } = await import("/static/js/markdown/pump.js");
    const markdown = new MarkdownStream(body);
    const pump = new FramePump({ draw: (piece) => markdown.push(piece) });
    return {
      write: (token) => void pump.write(token),
      async finish() {
        await pump.flush();
        pump.close();
        markdown.finish();
      },
    };
  };

  /** A message that is complete, all at once. */
  const saved = async (body) => {
    const { renderMarkdown } = await import("/static/js/markdown/stream.js");
    let all = "";
    return {
      write: (token) => void (all += token),
      async finish() {
        renderMarkdown(body, `${all}\n\nthe end`);
        while (!body.textContent.endsWith("the end")) await frame();
      },
    };
  };

  /** All of the text is parsed again and put in as HTML for each token; with the same parser. */
  const theirs = async (body) => {
    const { default: markdownit } = await import("/static/vendor/markdown-it-15.0.3/markdown-it.js");
    const parser = markdownit({ linkify: true });
    let all = "";
    return {
      write: (token) => (body.innerHTML = parser.render((all += token))),
      async finish() {},
    };
  };

  /** Each token in a task of its own, as messages of a socket come, when it is due. */
  const deliver = (write) =>
    new Promise((resolve) => {
      const channel = new MessageChannel();
      const start = performance.now();
      let sent = 0;
      channel.port1.addEventListener("message", () => {
        const due = ((performance.now() - start) * charactersPerSecond) / 1_000;
        if (sent < text.length && due >= sent) {
          write(text.slice(sent, (sent += tokenCharacters)));
          channel.port2.postMessage(null);
        } else if (sent < text.length) {
          setTimeout(() => channel.port2.postMessage(null), 1);
        } else {
          channel.port1.close();
          resolve();
        }
      });
      channel.port1.start();
      channel.port2.postMessage(null);
    });

  const { message, body } = makeMessage();
  const drawing = await { ours, saved, theirs }[way](body);
  await idle();
  const before = await window.mainThreadSeconds();
  await deliver(drawing.write);
  await drawing.finish();
  // What is dressed in idle time counts as well.
  for (let waits = 0; waits < 60 && body.querySelector("pre > code[class^=language-python]:not(:has(span))"); waits += 1) await idle();
  await frame();
  await idle();
  const seconds = (await window.mainThreadSeconds()) - before;
  const characters = body.textContent.length;
  message.remove();
  return { seconds, characters };
};
