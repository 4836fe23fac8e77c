"""The model servers: how each is installed and started, and which answers it is configured to give."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.faults.processes import end
from tests.ports import closed_port

START_SECONDS: Final = 180.0
KEY: Final = "sk-of-the-upstreams"
FIRST: Final = "The first answer, which is long enough to come in more than one piece."
SECOND: Final = "The second answer."
TITLE: Final = "A title from the model"
TOO_LONG: Final = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
SUM: Final = "6 * 7"
TOTAL: Final = "42"
# Long enough to be stopped in the middle, however fast it is sent.
LONG: Final = " ".join(f"word{number}" for number in range(20_000))


class UpstreamServer(ABC):
    """One server, in its own folder. `models`: those that it lists; the first one is used."""

    name: ClassVar[str]
    models: ClassVar[tuple[str, ...]]
    # The models for these steps, if the first model cannot play them.
    slow: ClassVar[str] = ""
    overflowing: ClassVar[str] = ""
    # A prompt that is too long for that model.
    flood: ClassVar[str] = "Let it overflow"
    # A prompt that takes it seconds to process, if there is one.
    slow_to_read: ClassVar[str] = ""
    # Its answers, for a server whose model always gives the same one.
    first: ClassVar[str] = FIRST
    second: ClassVar[str] = SECOND
    title: ClassVar[str] = TITLE
    # Its reasoning before each answer, if any.
    thought: ClassVar[str] = ""
    # What it says with the result of SUM, if it calls the calculator when it is asked to.
    calculated: ClassVar[str] = ""
    # Questions that it answers with errors, and what they are to the site.
    errors: ClassVar[Mapping[str, str]] = {}
    # Where it is to be asked, if it can tell.
    path: ClassVar[str] = ""
    # The kind of the provider account for it. If there is none, environment variables name the server.
    account: ClassVar[str] = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "log").unlink(missing_ok=True)
        self.port = closed_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def install(self) -> None:
        """Install it into its folder, unless it is there."""

    @abstractmethod
    def command(self) -> Sequence[str]: ...

    @property
    def settings(self) -> dict[str, str]:
        """The site's, for this server. An empty one hides another value of the environment."""
        if self.account:
            return {"OPENAI_BASE_URL": "", "OPENAI_API_KEY": "", "OPENAI_MODEL": ""}
        return {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": KEY, "OPENAI_MODEL": ""}

    def asked(self) -> set[str]:
        """Where it has been asked since it started."""
        return set()

    def heard(self) -> list[dict[str, Any]]:
        """The messages of the last request, as a server with `calculated` understood them."""
        return []

    def is_idle(self) -> bool | None:
        """Whether it is generating no answer; None if it does not tell."""
        return None

    @property
    def log(self) -> str:
        """Its output, including earlier starts."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def start(self) -> None:
        """Returns when it lists its models."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self.command(), cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._lists():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit(f"{self.name} does not start:\n{self.log[-4000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)

    def _lists(self) -> bool:
        try:
            self.get("/v1/models")
        except (OSError, urllib.error.URLError):
            return False
        return True

    def get(self, path: str) -> Any:
        """Return the JSON at this path."""
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)


class Aimock(UpstreamServer):
    """npm @copilotkit/aimock: answers by what the last question holds, here through OpenAI's chat completions.

    It takes any model, and says the same on each of its APIs.
    """

    name = "aimock"
    models = ("gpt-4o",)
    calculated = "It is 42, says the calculator."
    errors: ClassVar[Mapping[str, str]] = {
        "Let it refuse": "rate_limited",
        "Let it fail": "provider_unavailable",
        "Let it break off": "incomplete",
    }
    path = "/v1/chat/completions"

    def install(self) -> None:
        if not self._script.exists():
            run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(self._installed), "@copilotkit/aimock")

    def command(self) -> Sequence[str]:
        fixtures = self.folder / "fixtures.json"
        fixtures.write_text(json.dumps({"fixtures": self.fixtures()}), "utf-8")
        options = ("--port", str(self.port), "--fixtures", str(fixtures), "--chunk-size", "8")
        return ("node", str(self._script), *options)

    def asked(self) -> set[str]:
        return {each["path"] for each in self.get("/v1/_requests") if each["method"] == "POST"}

    def heard(self) -> list[dict[str, Any]]:
        *_, last = self.get("/v1/_requests")
        return list(last["body"]["messages"])

    @property
    def _installed(self) -> Path:
        """One for all that use it."""
        return self.folder.parent / "aimock-npm"

    @property
    def _script(self) -> Path:
        return self._installed / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"

    def fixtures(self) -> list[dict[str, Any]]:
        """Of several that match, the first is played."""
        calls = [{"id": "call_of_the_sum", "name": "calculator", "arguments": {"expression": SUM}}]
        busy = {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
        broken = {"message": "The model has crashed.", "type": "api_error"}
        return [
            # The request for a title contains the question, too.
            {"match": {"systemMessage": "titles"}, "response": {"content": TITLE}},
            {"match": {"userMessage": "overflow"}, "response": {"error": self._too_long(), "status": 400}},
            {"match": {"userMessage": "refuse"}, "response": {"error": busy, "status": 429}},
            {"match": {"userMessage": "fail"}, "response": {"error": broken, "status": 500}},
            {
                "match": {"userMessage": "break off"},
                "response": {"content": LONG},
                "latency": 20,
                "truncateAfterChunks": 5,
            },
            {
                "match": {"userMessage": "calculate", "toolResultContains": TOTAL},
                "response": {"content": self.calculated},
            },
            {"match": {"userMessage": "calculate", "hasToolResult": False}, "response": {"toolCalls": calls}},
            {"match": {"userMessage": "slowly"}, "response": {"content": LONG}, "latency": 50},
            {"match": {"userMessage": "second"}, "response": {"content": SECOND}},
            {"match": {"userMessage": "first"}, "response": {"content": FIRST}},
        ]

    def _too_long(self) -> dict[str, str]:
        return {"message": TOO_LONG, "type": "invalid_request_error", "code": "context_length_exceeded"}


class ResponsesAimock(Aimock):
    """Through OpenAI's Responses API, for which there are no environment variables."""

    name = "aimock-responses"
    path = "/v1/responses"
    account = "openai-responses"


class AnthropicAimock(Aimock):
    """Through Anthropic's Messages API."""

    name = "aimock-anthropic"
    models = ("claude-3-5-sonnet-20241022",)
    path = "/v1/messages"

    @property
    def settings(self) -> dict[str, str]:
        here = {"ANTHROPIC_BASE_URL": self.base_url.removesuffix("/v1"), "ANTHROPIC_API_KEY": KEY}
        return {**here, "ANTHROPIC_MODEL": "", "OPENAI_BASE_URL": "", "OPENAI_API_KEY": "", "OPENAI_MODEL": ""}

    def _too_long(self) -> dict[str, str]:
        return {"message": "prompt is too long: 201000 tokens > 200000 maximum", "type": "invalid_request_error"}


class Litellm(UpstreamServer):
    """LiteLLM's proxy, with mock models: each has one fixed answer."""

    name = "litellm"
    models = ("mock", "slow", "overflowing")
    slow = "slow"
    overflowing = "overflowing"
    second = FIRST
    title = FIRST

    def install(self) -> None:
        if not self._program.exists():
            run(sys.executable, "-m", "venv", str(self.folder / "venv"))
            run(str(self.folder / "venv" / "bin" / "pip"), "install", "--quiet", "litellm[proxy]")

    def command(self) -> Sequence[str]:
        config = self.folder / "config.yaml"
        # JSON is YAML.
        config.write_text(json.dumps({"model_list": self._models(), "general_settings": {"master_key": KEY}}), "utf-8")
        return (str(self._program), "--config", str(config), "--host", "127.0.0.1", "--port", str(self.port))

    @property
    def _program(self) -> Path:
        return self.folder / "venv" / "bin" / "litellm"

    def _models(self) -> list[dict[str, Any]]:
        said = {"mock": FIRST, "slow": LONG, "overflowing": "litellm.ContextWindowExceededError"}
        return [
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{name}", "api_key": "none", "mock_response": answer},
            }
            for name, answer in said.items()
        ]


def run(*command: str) -> None:
    print(f"$ {' '.join(command)}", flush=True)
    subprocess.run(command, check=True)
