"""A real local HTTP server that speaks Anthropic's Messages API and does what a test tells it to.

In a test: `async with FakeAnthropic() as server: ... server.url`. From outside:
`python -m tests.fake_anthropic --port 0` prints `http://127.0.0.1:<port>` and serves until it is stopped.
It plays the scripts of tests/fake_openai/scripts.py that are not specific to an API, and a test's own `script`.
"""

from tests.fake_anthropic.server import FakeAnthropic

__all__ = ["FakeAnthropic"]
