"""The encoding of events in Redis: JSON, `[name, data]` each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from chat.protocol.cursors import Cursor
from chat.protocol.events import Event
from chat.protocol.untrusted_input import clean, storable
from chat.streams.base import RunInfo, RunState

_DECODER: Final = msgspec.json.Decoder(list[tuple[str, dict[str, Any]]])


# Indexes into the result of the scripts' `info`.
MADE: Final = 9
DROPPED: Final = 10


def encode(event: Event) -> bytes:
    return encode_json([event.name, event.data])


def encode_json(value: object) -> bytes:
    """What is written many times a second, in a fraction of the time that the standard library takes."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8 encoding.
        return clean(json.dumps(storable(value), ensure_ascii=False)).encode()


def decode(payload: bytes) -> list[Event]:
    """Decode a JSON array of events."""
    return [Event(name, data) for name, data in _DECODER.decode(payload)]


def decode_json(value: bytes) -> Mapping[str, Any] | None:
    decoded: Mapping[str, Any] | None = msgspec.json.decode(value) if value else None
    return decoded


def run_info(fields: Sequence[Any]) -> RunInfo:
    """Parse the result of the scripts' `info`."""
    run, owner, conversation, sent, fingerprint, title, state, epoch, seq = (field.decode() for field in fields[:9])
    return RunInfo(
        run_id=run,
        owner_id=int(owner),
        conversation_id=conversation,
        client_message_id=sent,
        fingerprint=fingerprint,
        title=title,
        state=cast(RunState, state),
        cursor=Cursor(epoch, int(seq)),
        has_log=fields[DROPPED] is None,
    )
