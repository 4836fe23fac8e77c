"""Clients generated from the OpenAPI document, against a running site: a turn, a typed error, and a list.

Each generator runs as its users run it, and is told to fail on anything it does not understand.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.faults.processes import Site
from tests.members import Member, prepare
from tests.server.process import ROOT

HERE = Path(__file__).parent
# Only the demo model.
SETTINGS = {"OPENAI_API_KEY": "", "OPENAI_MODEL": "", "CHAT_DEMO_TOKENS_PER_SECOND": "0"}
PACKAGE = "generated_chatsite"
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (ROOT / "node_modules" / "typescript").exists(),
    reason="the generators for TypeScript need Node.js and what package-lock.json has",
)


def run(*command: str, cwd: Path, **variables: str) -> str:
    """Returns the output of the command; on failure, the error contains it."""
    made = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert made.returncode == 0, made.stdout
    return made.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("site")
    made = Site(data_dir, prepare(data_dir, **SETTINGS), **SETTINGS)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def python(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package that openapi-python-client generates."""
    directory = tmp_path_factory.mktemp("python")
    config = directory / "config.json"
    # Its hooks would only format the generated code.
    config.write_text(json.dumps({"post_hooks": []}))
    generator = (sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning")
    address = ("--url", f"{site.url}/api/openapi.json")
    run(*generator, *address, "--config", str(config), "--output-path", str(directory / PACKAGE), cwd=directory)
    sys.path.insert(0, str(directory))
    try:
        yield importlib.import_module(PACKAGE)
    finally:
        sys.path.remove(str(directory))
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


def of(package: ModuleType, name: str) -> Any:
    return importlib.import_module(f"{package.__name__}.{name}")


class TestPython:
    @pytest.fixture
    def client(self, python: ModuleType, site: Site, alice: Member) -> Iterator[Any]:
        with python.AuthenticatedClient(
            base_url=site.url, token=alice.token, raise_on_unexpected_status=True
        ) as client:
            yield client

    def test_a_turn(self, python: ModuleType, client: Any) -> None:
        models, wait = of(python, "models"), of(python, "api.runs.start_run_and_wait")
        key = uuid.uuid4()

        answer = wait.sync(client=client, body=models.Send(text="hello", client_message_id=key))

        assert isinstance(answer, models.Message)
        assert answer.status == models.MessageStatus.COMPLETED
        assert answer.text
        page = of(python, "api.conversations.list_messages").sync(answer.conversation_id, client=client)
        assert [each.role for each in page.items] == [models.MessageRole.ASSISTANT, models.MessageRole.USER]
        assert page.items[1].client_message_id == key
        assert page.items[0].created_at.microsecond
        shown = of(python, "api.runs.get_run").sync(answer.run_id, client=client)
        assert (shown.state, shown.unanswered) == (models.RunState.COMPLETED, None)

    def test_an_error_has_its_type(self, python: ModuleType, client: Any) -> None:
        models = of(python, "models")

        missing = of(python, "api.conversations.get_conversation").sync(uuid.uuid4(), client=client)
        refused = of(python, "api.runs.start_run").sync_detailed(client=client, body=models.Send(text=" "))

        assert isinstance(missing, models.Error)
        assert missing.error.code is models.ErrorCode.NOT_FOUND
        assert isinstance(refused.parsed, models.Error)
        assert refused.parsed.error.code is models.ErrorCode.EMPTY_TEXT
        assert refused.headers["x-should-retry"] == "false"

    def test_an_unauthenticated_request_gets_a_typed_error(self, python: ModuleType, site: Site) -> None:
        models, runs = of(python, "models"), of(python, "api.runs.list_runs")

        with python.AuthenticatedClient(base_url=site.url, token="chat_wrong") as stranger:
            refused = runs.sync(client=stranger)

        assert isinstance(refused, models.Error)
        assert refused.error.code is models.ErrorCode.NOT_SIGNED_IN

    def test_a_list(self, python: ModuleType, client: Any) -> None:
        models, api = of(python, "models"), of(python, "api.conversations.list_conversations")
        wait = of(python, "api.runs.start_run_and_wait")
        answer = wait.sync(client=client, body=models.Send(text="hello"))

        page = api.sync(client=client, archived=False)

        assert isinstance(page, models.ConversationPage)
        assert answer.conversation_id in [each.id for each in page.items]
        changed = of(python, "api.conversations.change_conversation").sync(
            answer.conversation_id, client=client, body=models.ConversationChanges(archived=True)
        )
        assert changed.archived is True
        # How it encodes True is up to the generated client.
        assert [each.id for each in api.sync(client=client, archived=True).items] == [answer.conversation_id]
        assert answer.conversation_id not in [each.id for each in api.sync(client=client).items]


@needs_node
class TestTypeScript:
    """The compiler checks both programs first: what they read has the types given in the document."""

    @pytest.mark.parametrize("generator", ["openapi-ts", "openapi-typescript"])
    def test_a_turn_an_error_and_a_list(self, site: Site, alice: Member, tmp_path: Path, generator: str) -> None:
        document = f"{site.url}/api/openapi.json"
        binaries = ROOT / "node_modules" / ".bin"
        if generator == "openapi-ts":
            run(
                str(binaries / generator),
                "-i",
                document,
                "-o",
                "generated",
                "-c",
                "@hey-api/client-fetch",
                cwd=tmp_path,
            )
        else:
            run(str(binaries / generator), document, "-o", "generated.ts", cwd=tmp_path)
        program = f"{generator.replace('-', '_')}_program.ts"
        shutil.copy(HERE / program, tmp_path)
        # Imports in the generated code have no file extensions, as bundlers expect.
        options = ("--strict", "--target", "es2022", "--module", "commonjs", "--lib", "es2022,dom,dom.iterable")
        types = ("--types", "node", "--typeRoots", str(ROOT / "node_modules" / "@types"), "--skipLibCheck")
        compiler = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
        run("node", str(compiler), *options, *types, "--outDir", "out", program, cwd=tmp_path)
        (tmp_path / "out" / "package.json").write_text('{"type": "commonjs"}')

        printed = run(
            "node",
            f"out/{program.replace('.ts', '.js')}",
            cwd=tmp_path,
            CHATSITE_URL=site.url,
            CHATSITE_TOKEN=alice.token,
        )

        said = json.loads(printed)
        assert said["role"] == "assistant"
        assert said["text"]
        assert said["errors"] == ["not_found", "empty_text", "not_signed_in"]
        assert said["isListed"] is True
        assert said["isArchived"] is True
