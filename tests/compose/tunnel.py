"""python -m tests.compose.tunnel LISTEN TARGET: forwards connections. Each argument is a Unix socket path or a port.

A published port is in the engine's network, which the tests may not share; both can reach a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

BYTES = 65536


async def main(listen: str, target: str) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await _connect(target)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

    if listen.isdigit():
        server = await asyncio.start_server(accept, "127.0.0.1", int(listen))
    else:
        server = await asyncio.start_unix_server(accept, listen)
    await server.serve_forever()


async def _connect(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if target.isdigit():
        return await asyncio.open_connection("127.0.0.1", int(target))
    return await asyncio.open_unix_connection(target)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies to the end. If one connection breaks, the other is aborted too."""
    try:
        while data := await reader.read(BYTES):
            writer.write(data)
            await writer.drain()
        writer.close()
    except OSError:
        writer.transport.abort()
    finally:
        with contextlib.suppress(OSError):
            await writer.wait_closed()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
