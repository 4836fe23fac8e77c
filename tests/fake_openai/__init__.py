"""A real local HTTP server that speaks the OpenAI API and does what a test tells it to.

In a test: `async with FakeOpenAI() as server: ... server.base_url`. From outside:
`python -m tests.fake_openai --port 0` prints `http://127.0.0.1:<port>/v1` and serves until it is stopped.
`scripts.py` lists the scripts that it can play.
"""

from tests.fake_openai.server import FakeOpenAI

__all__ = ["FakeOpenAI"]
