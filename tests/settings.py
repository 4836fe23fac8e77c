"""The site's default settings, whatever the environment says, with a data directory for this run."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_ours = ("CHAT_", "OPENAI_", "OLLAMA_", "DATABASE_", "REDIS_", "EMAIL_", "ALLOWED_", "TRUSTED_", "DEFAULT_FROM_")
_single = {"DEBUG", "HOST", "PORT", "LOG_LEVEL"}
for _name in [name for name in os.environ if name.startswith(_ours) or name in _single]:
    # Not settings of the site: the Docker engine of the compose test, and the folder for screenshots.
    if _name not in {"CHAT_TEST_ENGINE", "CHAT_ARTEFACTS"}:
        del os.environ[_name]
_data_dir = tempfile.mkdtemp(prefix="chatsite-tests-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["CHAT_DATA_DIR"] = _data_dir
# The same tests on PostgreSQL: TEST_DATABASE_URL=postgresql://…
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "")
# One request per answer, unless a test wants a title.
os.environ["CHAT_TITLES"] = "0"
os.environ["SECRET_KEY"] = "only for the tests, and known to everybody"

from chatsite.settings import *  # noqa: E402, F403

# The real one deliberately takes a third of a second per password.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
