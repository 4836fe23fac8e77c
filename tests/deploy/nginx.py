"""A real nginx with the deployed configuration, in its own directory and on its own ports."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.ports import closed_port
from tests.server.process import ROOT, clean_environment

TEMPLATES: Final = {"nginx.conf": "chatsite.conf", "nginx-tls.conf": "tls.conf"}
START_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02


class Nginx:
    """`upstream`: name and port of the servers. `certificate`: a PEM file with certificate and key, for HTTPS.

    `changed`: replacements in the templates, each of which must match: to shorten a timeout for a test, or to
    disable a safeguard.
    """

    def __init__(
        self,
        directory: Path,
        upstream: str,
        *,
        certificate: Path | None = None,
        changed: Mapping[str, str] | None = None,
        **variables: str,
    ) -> None:
        self.port = closed_port()
        # Where plain HTTP is redirected.
        self.plain_port = closed_port() if certificate else self.port
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if certificate else 'http'}://{self.host}"
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        variables = {
            "CHAT_LISTEN": f"{self.port} ssl" if certificate else str(self.port),
            "CHAT_REDIRECT_LISTEN": str(self.plain_port),
            "CHAT_CERTIFICATE": str(certificate),
            "CHAT_CERTIFICATE_KEY": str(certificate),
            "CHAT_UPSTREAM": upstream,
            "CHAT_RESOLVER": "127.0.0.1",
            "CHAT_HTTPS": "1" if certificate else "",
            "CHAT_PROXY": "0.0.0.0/32",
            "CHAT_CACHE_DIR": str(directory),
            "CHAT_URL": self.url,
            "CHAT_HSTS_SUBDOMAINS": "",
            "CHAT_HSTS_PRELOAD": "",
            "CHAT_ADDRESS_CONNECTIONS": "300",
            "CHAT_ADDRESS_REQUESTS": "50",
            **variables,
        }
        missing = set(changed or ())
        for template, name in TEMPLATES.items():
            if certificate or template != "nginx-tls.conf":
                text = (ROOT / "deploy" / template).read_text()
                for old, new in (changed or {}).items():
                    if old in text:
                        missing.discard(old)
                        text = text.replace(old, new)
                (directory / name).write_text(filled_in(text, variables))
        assert not missing, f"not in the templates: {missing}"

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def check(self) -> str:
        """The output of `nginx -t`."""
        done = subprocess.run([*self._command, "-t"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, env=clean_environment(), stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(START_SECONDS)

    @property
    def _command(self) -> list[str]:
        program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        assert program, "nginx is missing: install it"
        settings = f"daemon off; pid {self.directory}/pid;"
        return [program, "-c", str(self.directory / "chatsite.conf"), "-e", "stderr", "-g", settings]

    def _answers(self) -> bool:
        try:
            # In either case, a port without TLS.
            urllib.request.urlopen(f"http://127.0.0.1:{self.plain_port}/.nginx", timeout=5).close()
        except urllib.error.HTTPError:
            raise
        except OSError:
            return False
        return True


def filled_in(template: str, variables: dict[str, str]) -> str:
    """Like `envsubst`, but a name without a value is an error."""
    return re.sub(r"\$\{([A-Z_]+)\}", lambda match: variables[match[1]], template)


@contextmanager
def nginx(
    upstream: str, *, certificate: Path | None = None, changed: Mapping[str, str] | None = None, **variables: str
) -> Iterator[Nginx]:
    """Run an nginx."""
    # Not below pytest's own directory, which nginx's workers may not enter.
    directory = Path(tempfile.mkdtemp(prefix="chatsite-nginx-"))
    directory.chmod(0o755)
    server = Nginx(directory, upstream, certificate=certificate, changed=changed, **variables)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)
