"""Writes GGUF files: the format of llama.cpp's models (version 3, ggml/docs/gguf.md)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VERSION: Final = 3
ALIGNMENT: Final = 32
UINT32, INT32, FLOAT32, STRING, ARRAY = 4, 5, 6, 8, 9
FLOAT32_TENSOR: Final = 0

Value = int | float | str | Sequence[str] | Sequence[int]


@dataclass(frozen=True)
class Matrix:
    """Zeros except for `entries`: (row, column) → value. A vector has `rows` 0."""

    rows: int
    columns: int
    entries: Mapping[tuple[int, int], float]

    @property
    def shape(self) -> tuple[int, ...]:
        """As in the file: the columns first."""
        return (self.columns, self.rows) if self.rows else (self.columns,)

    def packed(self) -> bytes:
        data = bytearray(4 * self.columns * max(1, self.rows))
        for (row, column), value in self.entries.items():
            struct.pack_into("<f", data, 4 * (row * self.columns + column), value)
        return bytes(data)


def ones(columns: int) -> Matrix:
    return Matrix(0, columns, {(0, column): 1.0 for column in range(columns)})


def write(path: Path, metadata: Mapping[str, Value], tensors: Mapping[str, Matrix]) -> None:
    head = b"GGUF" + struct.pack("<IQQ", VERSION, len(tensors), len(metadata))
    head += b"".join(_text(key) + _typed(value) for key, value in metadata.items())
    body = b""
    for name, matrix in tensors.items():
        shape = matrix.shape
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, FLOAT32_TENSOR, len(body))
        body += _aligned(matrix.packed())
    path.write_bytes(_aligned(head) + body)


def _typed(value: Value) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", STRING) + _text(value)
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", FLOAT32, value)
    kind, items = (
        (STRING, b"".join(_text(item) for item in value if isinstance(item, str)))
        if isinstance(value[0], str)
        else (INT32, struct.pack(f"<{len(value)}i", *value))
    )
    return struct.pack("<IIQ", ARRAY, kind, len(value)) + items


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _aligned(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
