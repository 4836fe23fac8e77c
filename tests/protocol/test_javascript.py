"""The page's copies of protocol constants match the protocol."""

from __future__ import annotations

import re
from pathlib import Path

from chat.protocol import close_codes
from chat.protocol.errors import ERRORS
from chat.protocol.event_data import TOOL_ERRORS

SCRIPTS = Path(__file__).resolve().parents[2] / "static" / "js"
# Errors that the client creates itself (client/errors.js).
OF_THE_CLIENT = {
    *("connection_lost", "network", "no_answer", "no_server", "bad_response", "closed", "discarded"),
    # The page's own: the person left before the server responded (conversation/open_conversation.js).
    "left_behind",
}


def without_comments(source: str) -> str:
    return re.sub(r"/\*[\s\S]*?\*/|//.*", "", source)


def test_close_codes_match_the_server() -> None:
    source = (SCRIPTS / "client" / "close_codes.js").read_text("utf-8")
    named = {name: int(code) for name, code in re.findall(r"export const (\w+) = (\d{4});", source)}

    assert named
    assert {name: getattr(close_codes, name) for name in named} == named
    [final] = re.findall(r"FINAL = new Set\(\[([^\]]+)\]\)", source)
    assert {named[name] for name in final.split(", ")} == close_codes.FINAL


def test_no_other_script_defines_a_close_code() -> None:
    codes = re.compile(r"\b4[0-4]\d\d\b")
    found = [path.name for path in SCRIPTS.rglob("*.js") if codes.search(without_comments(path.read_text("utf-8")))]

    assert set(found) <= {"close_codes.js", "connection.js"}
    assert re.findall(codes, without_comments((SCRIPTS / "client" / "connection.js").read_text("utf-8"))) == ["4000"]


def test_errors_with_texts_in_the_page_exist() -> None:
    source = (SCRIPTS / "ui" / "error_text.js").read_text("utf-8")
    named = set(re.findall(r"^  (\w+): gettext\(", source, re.MULTILINE))

    assert "not_found" in named
    assert named <= {*ERRORS, *OF_THE_CLIENT}


def test_errors_compared_by_the_client_exist() -> None:
    compared = re.compile(r'''(?<!typeof fields\.)\bcode (?:===|!==) "(\w+)"|code: "(\w+)"''')
    named = {
        each
        for path in SCRIPTS.rglob("*.js")
        for found in compared.findall(without_comments(path.read_text("utf-8")))
        for each in found
        if each
    }

    assert "another_user" in named
    assert named <= {*ERRORS, *TOOL_ERRORS, *OF_THE_CLIENT}
