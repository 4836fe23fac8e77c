"""The scripts that the fake can play, at /v1/chat/completions and /v1/responses.

The name of the script is the model's, or the first word of the message as `/name`.
Options are `key=value` words anywhere in the message. For every script: `rate=N` pieces per second (0: at once).

| script | plays |
| --- | --- |
| hello (any other model) | "Hello! You said: <message>", one word per piece |
| numbered | `<8 hex of the message>:000001 ` … ; `count=1000` |
| varied | like numbered, but with different hex digits each time the message is sent; `after=3` as in markdown |
| markdown:<base64> | that text, `n=4` characters per piece; `after=9`: waits for POST /release after so many pieces |
| echo | the messages it received, as JSON |
| think | `count=5` pieces of reasoning, then text; `field=reasoning` changes the field; `after=3` as in markdown |
| hold | `after=3` numbered pieces, after each POST /release `step=3` more, up to `count=6`; without `step` the rest |
| big | `pieces=1` pieces of `size=2000000` characters |
| finish | one word, then the finish reason `reason=length` |
| restless | `count=3` pieces, each with a finish reason, `pause=0.2` seconds apart |
| surrogates | an emoji whose two halves come in two chunks; then one half alone, and a NUL |
| invalid-utf8 | a piece with a byte that is not UTF-8 |
| parts | content as a list of parts |
| refusal | the field `refusal` instead of content |
| choices | `choices: []` first, and in between |
| bytewise | one short text, each byte in a write of its own |
| crlf | two words, with CRLF line ends, a comment and a `retry` field |
| no-stream | one whole completion as JSON |
| eof | `after=2` pieces, then a clean end: no finish reason, no [DONE] |
| done-only | two pieces, no finish reason, [DONE] |
| no-done | two pieces, a finish reason, a clean end |
| open-end | two pieces, a finish reason, then silence |
| late-end | like hello, but the end of the response comes only after POST /release |
| cut | `after=2` pieces, then the TCP connection is reset in the middle of a chunk |
| broken | `after=1` pieces, then a chunk that is not JSON |
| error, error-event, error-text | `after=2` pieces, then an error object (`code=` `kind=`), an event, a text |
| stall | `after=2` pieces, then silence; `comments=0.01`: a comment every so many seconds |
| mute | headers, no piece: like stall with after=0 |
| queued | `count=20` comments, one every `comments=0.02` seconds, then hello |
| no-headers | the request is read and never answered |
| endless-line | bytes without a line end, until the client disconnects |
| html | a web page with status 200 |
| json-error | an error object with status 200 |
| status-<n> | refuses with that status; `message=` (underscores are spaces) `code=` |
| flaky-<n> | refuses the first `times=1` requests with that message, then plays hello |
| rate-limit | 429; `after=2` seconds in Retry-After, `as=date` or `as=ms` changes its form |
| quota, context, key | 429 insufficient_quota; 400 context_length_exceeded; 401 that quotes the key |
| no-usage-option, no-max-tokens | refuses a request that has `stream_options` / `max_tokens`, else hello |
| strict | refuses (`status=422`) the fields `unknown=user,stream_options`, or `each` by itself, else hello |
| silent-refusal | 400 without a body |
| turns:<base64> | the answers in turns.py, one for each request of a conversation: text, reasoning, tool calls |
| picky | refuses (`status=400`, `message=`, `~` are spaces) a request with `has=` in its JSON, else hello |
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from time import time
from typing import Final

from tests.fake_openai import turns
from tests.fake_openai.stage import Stage, hash_of

Script = Callable[[Stage], Awaitable[None]]
MODELS: Final = ("fake-large", "fake-small", "numbered", "think", "markdown")


async def play(stage: Stage) -> None:
    name, argument = _name(stage)
    if name in SCRIPTS:
        await SCRIPTS[name](stage)
    elif name == "turns":
        await turns.play(stage, argument)
    elif name == "markdown" and argument:
        await _markdown(stage, argument)
    elif name.startswith("status-"):
        await _status(stage, int(name.removeprefix("status-")))
    elif name.startswith("flaky-"):
        if stage.attempt() <= stage.count("times", 1):
            await _status(stage, int(name.removeprefix("flaky-")))
        else:
            await hello(stage)
    else:
        await hello(stage)


def _name(stage: Stage) -> tuple[str, str]:
    first = stage.prompt.split(maxsplit=1)[0] if stage.prompt.strip() else ""
    name, _, argument = (first[1:] if first.startswith("/") else stage.exchange.model).partition(":")
    return name, argument


async def hello(stage: Stage) -> None:
    for word in f"Hello! You said: {stage.prompt}".split(" "):
        await stage.say(f"{word} ")
    await stage.finish()


async def numbered(stage: Stage) -> None:
    await _numbers(stage, stage.count("count", 1000))
    await stage.finish()


async def varied(stage: Stage) -> None:
    prefix = hash_of(f"{stage.prompt}\0{stage.attempt()}")
    if after := stage.count("after", 0):
        await _numbers(stage, after, prefix=prefix)
        await stage.hold()
    await _numbers(stage, stage.count("count", 1000), first=after + 1, prefix=prefix)
    await stage.finish()


async def hold(stage: Stage) -> None:
    said, count = stage.count("after", 3), stage.count("count", 6)
    await _numbers(stage, said)
    while said < count:
        await stage.hold()
        said, before = min(count, said + stage.count("step", count)), said
        await _numbers(stage, said, first=before + 1)
    await stage.finish()


async def echo(stage: Stage) -> None:
    await stage.say(json.dumps(stage.messages, ensure_ascii=False))
    await stage.finish()


async def think(stage: Stage) -> None:
    for number in range(stage.count("count", 5)):
        if number == stage.count("after", -1):
            await stage.hold()
        await stage.think(f"Thought {number}. ", field=stage.options.get("field", "reasoning_content"))
    for word in ("So ", "the ", "answer ", "is ", "42."):
        await stage.say(word)
    await stage.finish()


async def big(stage: Stage) -> None:
    for _ in range(stage.count("pieces", 1)):
        await stage.say("0123456789" * (stage.count("size", 2_000_000) // 10))
    await stage.finish()


async def finish(stage: Stage) -> None:
    await stage.say("Well")
    await stage.finish(stage.options.get("reason", "length"))


async def restless(stage: Stage) -> None:
    for number in range(stage.count("count", 3)):
        await stage.chunk({"content": f"{number} "}, finish_reason="stop")
        await asyncio.sleep(float(stage.options.get("pause", "0.2")))
    await stage.finish()


async def surrogates(stage: Stage) -> None:
    await stage.chunk({"content": "a\ud83d"})
    await stage.chunk({"content": "\ude00b"})
    await stage.chunk({"content": "\ud83d"})
    await stage.chunk({"content": "c\0d\ude00"})
    await stage.chunk({"content": "\ud83d"})
    await stage.finish()


async def invalid_utf8(stage: Stage) -> None:
    await stage.raw(b'data: {"choices":[{"delta":{"content":"a\xffb"}}]}\n\n')
    await stage.finish()


async def parts(stage: Stage) -> None:
    await stage.chunk({"content": [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]})
    await stage.finish()


async def refusal(stage: Stage) -> None:
    await stage.chunk({"content": None, "refusal": "I would rather not."})
    await stage.finish()


async def choices(stage: Stage) -> None:
    await stage.data({"choices": [], "prompt_filter_results": []})
    await stage.chunk({"role": "assistant", "content": ""})
    await stage.say("one ")
    await stage.data({"choices": []})
    await stage.say("two")
    await stage.finish()


async def bytewise(stage: Stage) -> None:
    for byte in _lines("Grüße 😀"):
        await stage.raw(bytes([byte]))


async def crlf(stage: Stage) -> None:
    await stage.raw(b": hello\r\n\r\nretry: 10\r\n" + _lines("one two").replace(b"\n", b"\r\n"))


async def no_stream(stage: Stage) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "All at once."}, "finish_reason": "stop"}
    body = {"object": "chat.completion", "choices": [choice], "usage": stage.usage()}
    await stage.reply(json.dumps(body, indent=2).encode(), content_type="application/json")


async def eof(stage: Stage) -> None:
    await _numbers(stage, stage.count("after", 2))
    await stage.open()


async def done_only(stage: Stage) -> None:
    await _numbers(stage, 2)
    await stage.finish(None)


async def no_done(stage: Stage) -> None:
    await _numbers(stage, 2)
    await stage.finish(done=False)


async def open_end(stage: Stage) -> None:
    await _numbers(stage, 2)
    await stage.finish(usage=False, done=False)
    await stage.silence()


async def late_end(stage: Stage) -> None:
    await hello(stage)
    await stage.hold()


async def cut(stage: Stage) -> None:
    await _numbers(stage, stage.count("after", 2))
    await stage.raw(b'data: {"choices":[{"del')
    await stage.reset()


async def broken(stage: Stage) -> None:
    await _numbers(stage, stage.count("after", 1))
    await stage.raw(b'data: {"choices": [{"delta": {"content": "oops\n\n')
    await stage.finish()


async def error(stage: Stage) -> None:
    await _numbers(stage, stage.count("after", 2))
    await stage.data({"error": _error(stage)})


async def error_event(stage: Stage) -> None:
    await _numbers(stage, stage.count("after", 2))
    await stage.raw(b"event: error\ndata: %s\n\n" % json.dumps({"error": _error(stage)}).encode())


async def error_text(stage: Stage) -> None:
    await _numbers(stage, stage.count("after", 2))
    await stage.raw(b"event: error\ndata: the model has fallen over\n\n")


async def stall(stage: Stage) -> None:
    await _numbers(stage, stage.count("after", 2))
    await stage.open()
    await stage.silence(comments_every=float(stage.options.get("comments", "0")))


async def mute(stage: Stage) -> None:
    await stage.open()
    await stage.silence(comments_every=float(stage.options.get("comments", "0")))


async def queued(stage: Stage) -> None:
    for _ in range(stage.count("count", 20)):
        await stage.raw(b": keep-alive\n\n")
        await asyncio.sleep(float(stage.options.get("comments", "0.02")))
    await hello(stage)


async def no_headers(stage: Stage) -> None:
    await stage.silence()


async def endless_line(stage: Stage) -> None:
    await stage.raw(b"data: ")
    while True:
        await stage.raw(b"x" * 65536)


async def html(stage: Stage) -> None:
    await stage.reply(b"<!doctype html><title>Welcome</title>", content_type="text/html")


async def json_error(stage: Stage) -> None:
    body = json.dumps({"error": _error(stage)}).encode()
    await stage.reply(body, content_type="application/json")


async def rate_limit(stage: Stage) -> None:
    after = stage.options.get("after", "2")
    match stage.options.get("as", "seconds"):
        case "ms":
            headers = {"retry-after-ms": after}
        case "date":
            headers = {"Retry-After": formatdate(time() + float(after), usegmt=True)}
        case _:
            headers = {"Retry-After": after}
    await stage.refuse(429, "Rate limit reached for requests", headers=headers, code="rate_limit_exceeded")


async def quota(stage: Stage) -> None:
    await stage.refuse(429, "You exceeded your current quota", type="insufficient_quota", code="insufficient_quota")


async def context(stage: Stage) -> None:
    message = "This model's maximum context length is 8192 tokens."
    await stage.refuse(400, message, type="invalid_request_error", code="context_length_exceeded", param="messages")


async def key(stage: Stage) -> None:
    sent = stage.exchange.headers.get("authorization", "")
    await stage.refuse(int(stage.options.get("status", "401")), f"Incorrect API key provided: {sent}.")


async def no_usage_option(stage: Stage) -> None:
    if "stream_options" in stage.exchange.body:
        await stage.refuse(400, "Unrecognized request argument supplied: stream_options")
    else:
        await hello(stage)


async def strict(stage: Stage) -> None:
    asked = stage.options.get("unknown", "user")
    fields = ("user", "stream_options") if asked == "each" else tuple(asked.split(","))
    sent = [field for field in fields if field in stage.exchange.body]
    if not sent:
        await hello(stage)
        return
    named = sent[:1] if asked == "each" else sent
    detail = [
        {"type": "extra_forbidden", "loc": ["body", field], "msg": "Extra inputs are not permitted"} for field in named
    ]
    body = json.dumps({"detail": detail}).encode()
    await stage.reply(body, status=stage.count("status", 422), content_type="application/json")


async def silent_refusal(stage: Stage) -> None:
    await stage.reply(b"", status=400, content_type="application/json")


async def picky(stage: Stage) -> None:
    if stage.options["has"] in json.dumps(stage.exchange.body, separators=(",", ":")):
        await stage.refuse(stage.count("status", 400), stage.options["message"].replace("~", " "))
    else:
        await hello(stage)


async def no_max_tokens(stage: Stage) -> None:
    if "max_tokens" in stage.exchange.body:
        message = "Unsupported parameter: 'max_tokens' is not supported with this model."
        await stage.refuse(400, message, param="max_tokens", code="unsupported_parameter")
    else:
        await hello(stage)


async def _markdown(stage: Stage, encoded: str) -> None:
    text = base64.b64decode(encoded).decode()
    size = stage.count("n", 4)
    for number, start in enumerate(range(0, len(text), size)):
        if number == stage.count("after", -1):
            await stage.hold()
        await stage.say(text[start : start + size])
    await stage.finish()


async def _status(stage: Stage, status: int) -> None:
    message = stage.options.get("message", "The fake refuses.").replace("_", " ")
    await stage.refuse(status, message, code=stage.options.get("code"))


async def _numbers(stage: Stage, last: int, *, first: int = 1, prefix: str = "") -> None:
    for number in range(first, last + 1):
        await stage.say(f"{prefix or hash_of(stage.prompt)}:{number:06} ")


def _error(stage: Stage) -> dict[str, str | None]:
    return {
        "message": "The engine is on fire, token sk-abcdefgh12345678",
        "type": stage.options.get("kind", "server_error"),
        "code": stage.options.get("code"),
    }


def _lines(text: str) -> bytes:
    chunks = [{"delta": {"content": piece}} for piece in text] + [{"delta": {}, "finish_reason": "stop"}]
    lines = [f"data: {json.dumps({'choices': [chunk]}, ensure_ascii=False)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


SCRIPTS: Final[dict[str, Script]] = {
    script.__name__.replace("_", "-"): script
    for script in (
        hello,
        numbered,
        varied,
        hold,
        echo,
        think,
        big,
        finish,
        restless,
        surrogates,
        invalid_utf8,
        parts,
        refusal,
        choices,
        bytewise,
        crlf,
        no_stream,
        eof,
        done_only,
        no_done,
        open_end,
        late_end,
        cut,
        broken,
        error,
        error_event,
        error_text,
        stall,
        mute,
        queued,
        no_headers,
        endless_line,
        html,
        json_error,
        rate_limit,
        quota,
        context,
        key,
        no_usage_option,
        no_max_tokens,
        strict,
        silent_refusal,
        picky,
    )
}
