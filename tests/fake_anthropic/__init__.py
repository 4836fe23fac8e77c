"""A real local HTTP server that speaks Anthropic's Messages API and does what a test tells it to.

In a test: `async with FakeAnthropic() as server: ... server.url`. From outside:
`python -m tests.fake_anthropic --port 0` prints `http://127.0.0.1:<port>` and serves until it is ended.
It plays those scripts of tests/fake_openai/scripts.py that are of no dialect, and what a test gives it as `script`.
"""

from tests.fake_anthropic.server import FakeAnthropic

__all__ = ["FakeAnthropic"]
