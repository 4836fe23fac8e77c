from __future__ import annotations

import http.client
import io
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chat.rate_limit import BODY_BYTES
from tests.server.process import END_SECONDS, running
from tests.server.streaming_app import CHUNK_BYTES, chunk

CHUNKS = 4096
TOTAL_BYTES = CHUNKS * CHUNK_BYTES
# What may be buffered between `send` and a reader: by the kernel (at most 4 + 6 MiB by default) and by us.
HELD_BYTES = 16 * 1024 * 1024
# The same if the kernel accepts only what it can send soon: the reader's own buffer and some of ours.
LITTLE_BYTES = 1024 * 1024
LOOKS = 50


class OneReader:
    """Several responses of one connection, read through one buffer: bytes after one belong to the next."""

    class _Kept(io.BufferedReader):
        def close(self) -> None:
            """Do nothing: a response closes its reader, but the next response needs it."""

    def __init__(self, connection: socket.socket) -> None:
        self._reader = self._Kept(socket.SocketIO(connection, "r"))

    def makefile(self, mode: str) -> io.BufferedReader:
        return self._reader

    def response(self) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(self)  # type: ignore[arg-type]
        response.begin()
        return response


class RunningServer:
    def __init__(self, process: Any) -> None:
        self.process = process
        self.port = int(process.stdout.readline())

    def socket(self) -> socket.socket:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        connection.settimeout(END_SECONDS)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def http(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=END_SECONDS)

    def state(self) -> dict[str, Any]:
        connection = self.http()
        connection.request("GET", "/state")
        state: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return state

    def accepted_at_rest(self) -> int:
        """How much `send` has accepted when it accepts no more. At each check, the loop is free to accept more."""
        looks = [-1]
        while len(looks) < LOOKS or looks[-LOOKS] != looks[-1]:
            looks.append(self.state()["accepted"])
        return int(looks[-1])

    def outcome(self) -> str:
        """Wait for the end of the stream; return how it ended."""
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            if outcomes := self.state()["outcomes"]:
                return str(outcomes[0])
        raise AssertionError("the stream does not end")

    def big_response(self, chunks: int = CHUNKS) -> tuple[socket.socket, http.client.HTTPResponse]:
        connection = self.socket()
        connection.sendall(b"GET /big?chunks=%d HTTP/1.1\r\nHost: x\r\n\r\n" % chunks)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return connection, response

    def big_websocket(self, chunks: int = CHUNKS) -> AbstractContextManager[ClientConnection]:
        address = f"ws://127.0.0.1:{self.port}/?chunks={chunks}"
        return connect(address, sock=self.socket(), max_queue=1, compression=None, ping_interval=None, close_timeout=1)


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running("-m", "tests.server.streaming_app") as process:
        yield RunningServer(process)


@pytest.fixture
def stock_server() -> Iterator[RunningServer]:
    with running("-m", "tests.server.streaming_app", "stock") as process:
        yield RunningServer(process)


@pytest.fixture
def unlimited_server() -> Iterator[RunningServer]:
    with running("-m", "tests.server.streaming_app", "unlimited") as process:
        yield RunningServer(process)


def expected() -> Iterator[bytes]:
    return (chunk(number) for number in range(CHUNKS))


def read_to_the_end(websocket: ClientConnection) -> tuple[int, int | None]:
    """The bytes received, and the close code."""
    received = 0
    try:
        while True:
            received += len(websocket.recv())
    except ConnectionClosed:
        return received, websocket.close_code


class TestSlowHttpReader:
    def test_send_waits_for_a_stalled_reader(self, server: RunningServer) -> None:
        connection, _ = server.big_response()
        assert server.accepted_at_rest() < HELD_BYTES
        connection.close()

    def test_kernel_buffers_stay_small(self, server: RunningServer) -> None:
        connection, _ = server.big_response()
        assert server.accepted_at_rest() < LITTLE_BYTES
        connection.close()

    def test_without_our_send_the_buffers_grow(self, stock_server: RunningServer) -> None:
        connection, _ = stock_server.big_response()
        assert stock_server.accepted_at_rest() == TOTAL_BYTES
        connection.close()

    def test_it_gets_everything_once_it_reads(self, server: RunningServer) -> None:
        connection, response = server.big_response()
        assert server.accepted_at_rest() < HELD_BYTES
        assert all(response.read(CHUNK_BYTES) == each for each in expected())
        assert response.read() == b""
        assert server.outcome() == "completed"
        connection.close()

    def test_disconnecting_ends_the_wait(self, server: RunningServer) -> None:
        connection, _ = server.big_response()
        assert server.accepted_at_rest() < HELD_BYTES
        connection.shutdown(socket.SHUT_RDWR)
        assert server.outcome() == "gone"
        connection.close()

    def test_the_next_request_on_its_connection_is_answered(self, server: RunningServer) -> None:
        connection, response = server.big_response(chunks=64)
        assert len(response.read()) == 64 * CHUNK_BYTES
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        again = http.client.HTTPResponse(connection)
        again.begin()
        assert again.read() == b"hello"
        connection.close()

    def test_a_second_request_sent_before_the_first_is_read_waits_too(self, server: RunningServer) -> None:
        with server.socket() as connection:
            connection.sendall(b"GET /big?chunks=%d HTTP/1.1\r\nHost: x\r\n\r\n" % CHUNKS * 2)
            reader = OneReader(connection)
            response = reader.response()
            assert server.accepted_at_rest() < HELD_BYTES
            assert all(response.read(CHUNK_BYTES) == each for each in expected())
            assert response.read() == b""
            assert server.accepted_at_rest() < HELD_BYTES
            again = reader.response()
            assert all(again.read(CHUNK_BYTES) == each for each in expected())


class TestSlowWebSocketReader:
    def test_send_waits_for_a_stalled_reader(self, server: RunningServer) -> None:
        with server.big_websocket():
            assert server.accepted_at_rest() < HELD_BYTES

    def test_kernel_buffers_stay_small(self, server: RunningServer) -> None:
        with server.big_websocket():
            assert server.accepted_at_rest() < LITTLE_BYTES

    def test_without_our_send_the_buffers_grow(self, stock_server: RunningServer) -> None:
        with stock_server.big_websocket():
            assert stock_server.accepted_at_rest() == TOTAL_BYTES

    def test_it_gets_everything_once_it_reads(self, server: RunningServer) -> None:
        with server.big_websocket() as websocket:
            assert server.accepted_at_rest() < HELD_BYTES
            assert all(websocket.recv() == each for each in expected())
            with pytest.raises(ConnectionClosed) as closed:
                websocket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1000
            assert server.outcome() == "completed"

    def test_disconnecting_ends_the_wait(self, server: RunningServer) -> None:
        with server.big_websocket() as websocket:
            assert server.accepted_at_rest() < HELD_BYTES
            websocket.socket.shutdown(socket.SHUT_RDWR)
            assert server.outcome() == "gone"

    def test_the_application_can_close_it_while_a_send_waits(self, server: RunningServer) -> None:
        with server.big_websocket() as websocket:
            assert server.accepted_at_rest() < HELD_BYTES
            websocket.send("close")
            received, code = read_to_the_end(websocket)
            assert received < TOTAL_BYTES
            assert code == 4408

    def test_a_client_cannot_stay_after_a_close_frame(self, server: RunningServer) -> None:
        with server.big_websocket() as websocket:
            assert server.accepted_at_rest() < HELD_BYTES
            websocket.socket.sendall(b"\x88\x82\0\0\0\0\x03\xe8")  # a close frame; nothing is read after it
            assert server.outcome() == "gone"


def client_frame(first: int, payload: bytes = b"") -> bytes:
    """Masked, as required of a client, with a mask of zeros (RFC 6455, 5.2)."""
    assert len(payload) < 126
    return bytes((first, 0x80 | len(payload), 0, 0, 0, 0)) + payload


PING = client_frame(0x89, b"p" * 125)
PONG = client_frame(0x8A)
BEGUN, PIECE, END = client_frame(0x01), client_frame(0x00), client_frame(0x80)
SILENT = {"pings": PING * 2000, "pongs": PONG * 2000, "pieces": BEGUN + PIECE * 2000}


class TestSilentFrames:
    """Frames that do not reach the application."""

    @pytest.mark.parametrize("frames", SILENT.values(), ids=SILENT.keys())
    def test_a_flood_of_them_ends_the_connection(self, server: RunningServer, frames: bytes) -> None:
        with server.big_websocket(chunks=0) as websocket:
            websocket.socket.sendall(frames)
            assert read_to_the_end(websocket)[1] == 4429

    @pytest.mark.parametrize("frames", SILENT.values(), ids=SILENT.keys())
    def test_without_our_limit_the_connection_stays(self, unlimited_server: RunningServer, frames: bytes) -> None:
        with unlimited_server.big_websocket(chunks=0) as websocket:
            websocket.socket.sendall(frames + (END if frames.startswith(BEGUN) else b""))
            websocket.send("close")
            assert read_to_the_end(websocket)[1] == 4408

    def test_a_few_are_tolerated(self, server: RunningServer) -> None:
        with server.big_websocket(chunks=0) as websocket:
            websocket.socket.sendall(PING * 20 + PONG * 20 + BEGUN + PIECE * 20 + END)
            assert read_to_the_end(websocket)[1] == 4408


class TestApplicationThatDoesNotRead:
    MESSAGES = 64
    MESSAGE = client_frame(0x82)[:1] + bytes((0x80 | 127,)) + (1_000_000).to_bytes(8, "big") + bytes(4 + 1_000_000)

    def sent_at_rest(self, server: RunningServer, websocket: ClientConnection) -> int:
        """How much the server has read from a client when it reads no more. At each check, its loop is free."""
        data, sent, idle = memoryview(self.MESSAGE * self.MESSAGES), 0, 0
        websocket.socket.setblocking(False)
        while idle < LOOKS and sent < len(data):
            try:
                sent += websocket.socket.send(data[sent : sent + 256 * 1024])
                idle = 0
            except BlockingIOError:
                server.state()
                idle += 1
        websocket.socket.setblocking(True)
        return sent

    def test_the_server_stops_reading_from_its_client(self, server: RunningServer) -> None:
        with server.big_websocket(chunks=-1) as websocket:
            assert self.sent_at_rest(server, websocket) < len(self.MESSAGE) * 48

    def test_without_our_limit_it_reads_everything(self, unlimited_server: RunningServer) -> None:
        with unlimited_server.big_websocket(chunks=-1) as websocket:
            assert self.sent_at_rest(unlimited_server, websocket) == len(self.MESSAGE) * self.MESSAGES


class TestRequests:
    def test_many_requests_share_a_connection(self, server: RunningServer) -> None:
        connection = server.http()
        for number in range(500):
            connection.request("POST", "/echo", body=str(number))
            assert connection.getresponse().read() == str(number).encode()
        connection.close()

    def test_a_failure_in_mid_response_is_not_a_clean_end(self, server: RunningServer) -> None:
        connection = server.http()
        connection.request("GET", "/fail-late")
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            connection.getresponse().read()
        connection.close()
        # The timer that noticed it still runs, and notices the next failure, too.
        connection = server.http()
        connection.request("GET", "/fail-late")
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            connection.getresponse().read()
        connection.close()

    def test_the_server_does_not_name_its_versions(self, server: RunningServer) -> None:
        connection = server.http()
        connection.request("POST", "/echo")
        assert connection.getresponse().headers["Server"] == "chatsite"
        connection.close()
        with server.big_websocket(chunks=1) as websocket:
            assert websocket.response is not None
            assert websocket.response.headers["Server"] == "chatsite"

    def test_a_message_over_the_transport_limit_ends_the_connection(self, server: RunningServer) -> None:
        with server.big_websocket(chunks=0) as websocket:
            websocket.send(b"x" * (1024 * 1024 + 1))
            with pytest.raises(ConnectionClosed):
                websocket.recv()

    @pytest.mark.parametrize(
        "head",
        [b"Content-Length: 1073741824", b"Transfer-Encoding: chunked"],
        ids=["told at once", "bit by bit"],
    )
    def test_a_body_over_the_limit_is_refused_and_not_kept(self, server: RunningServer, head: bytes) -> None:
        """Twisted would write all of it to disk before calling the application, whoever the client is."""
        piece = b"x" * 65536 if b"Length" in head else b"10000\r\n" + b"x" * 65536 + b"\r\n"
        with server.socket() as connection:
            connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nX-Request-ID: job-17\r\n" + head + b"\r\n\r\n")
            with suppress(ConnectionError):
                for _ in range(2 * BODY_BYTES // 65536):
                    connection.sendall(piece)
            answer = OneReader(connection).response()
            assert answer.status == 413
            assert json.loads(answer.read())["error"]["code"] == "body_too_big"
            assert answer.headers["Connection"] == "close"
            assert (answer.headers["X-Request-ID"], answer.headers["X-Should-Retry"]) == ("job-17", "false")

    def test_a_body_below_the_limit_is_passed_on(self, server: RunningServer) -> None:
        connection = server.http()
        connection.request("POST", "/echo", b"x" * BODY_BYTES)
        assert len(connection.getresponse().read()) > 0
        connection.request("GET", "/state")
        assert connection.getresponse().status == 200
        connection.close()


class TestShutdown:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_causes_a_graceful_shutdown(self, server: RunningServer, number: int) -> None:
        connection = server.http()
        connection.request("GET", "/wait")
        response = connection.getresponse()
        assert response.read(5) == b"begun"
        server.process.send_signal(number)
        output, _ = server.process.communicate(timeout=END_SECONDS)
        connection.close()
        assert output.splitlines() == ["shut down", "returned"]
        assert server.process.returncode == 0
