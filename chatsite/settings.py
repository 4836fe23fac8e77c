"""Settings. All come from environment variables and are optional; the README's table explains each one."""

from __future__ import annotations

import os
import secrets
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF

from chatsite import cookie_names
from chatsite.addresses import default_url, sub_path
from chatsite.caches import cache
from chatsite.channel_layers import redis_layer
from chatsite.cookie_names import default_prefix, security_prefix
from chatsite.databases import SQLITE, database, sqlite_database
from chatsite.environment import Environment
from chatsite.private_files import DATABASE, KEY, make_key, make_private
from chatsite.reach import is_behind_unknown_proxy, is_open_to_others
from chatsite.redis_url import BadRedisUrl, with_password
from chatsite.static_headers import static_headers

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(os.environ)

# --- Where and how it runs

DATA_DIR = Path(env.text("CHAT_DATA_DIR", str(BASE_DIR / "var"))).expanduser().absolute()
DEBUG = env.flag("DEBUG", False)
PORT = env.integer("PORT", 8000, minimum=1, maximum=65535)
HOST = env.text("HOST", "127.0.0.1")
WORKERS = env.integer("CHAT_WORKERS", 1, minimum=1, maximum=1024)
# The address where our reverse proxy listens.
BIND = env.text("CHAT_BIND")
# In a container: the published addresses that lead into it (chatsite/reach.py).
PUBLISHED = env.words("CHAT_PUBLISHED", [])
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", LOCAL_HOSTS)
# Exact origins (scheme, host, port) that may open the WebSocket, in addition to the request's own.
TRUSTED_ORIGINS = env.words("TRUSTED_ORIGINS", [])
CSRF_TRUSTED_ORIGINS = TRUSTED_ORIGINS
for origin in TRUSTED_ORIGINS:
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or "*" in origin:
        hint = "Example: https://chat.example.org."
        env.refuse("TRUSTED_ORIGINS", f"contains {origin!r}, which is not an exact origin", hint)
# The scheme of every request: no header decides it (chatsite/trusted_scope.py).
HTTPS = env.flag("CHAT_HTTPS", False)
# Number of trusted reverse proxies in front, each adding to X-Forwarded-For. With 0 the client is the peer.
CHAT_TRUSTED_PROXIES = env.integer("CHAT_TRUSTED_PROXIES", 0)
# Base of links outside of pages: in mail and at startup. Never taken from the Host header of a request.
CHAT_URL = env.url("CHAT_URL", ("http", "https")).rstrip("/") or default_url(HOST, PORT, ALLOWED_HOSTS, https=HTTPS)
# The site's path prefix. The proxy in front may keep or remove it.
SUB_PATH = sub_path(CHAT_URL)
FORCE_SCRIPT_NAME = SUB_PATH or None
# All host names of the site.
NAMES = [
    *ALLOWED_HOSTS,
    *(urlsplit(url).hostname or "localhost" for url in (CHAT_URL, *TRUSTED_ORIGINS)),
]
# Access to /metrics: with the token, or from these addresses.
CHAT_METRICS_TOKEN = env.text("CHAT_METRICS_TOKEN")
if CHAT_METRICS_TOKEN and len(CHAT_METRICS_TOKEN) < 16:
    env.refuse("CHAT_METRICS_TOKEN", "is too short to be safe", "Use at least 16 random characters, or leave it out.")
THIS_MACHINE = ["127.0.0.0/8", "::1"]
CHAT_METRICS_ALLOW = env.words(
    "CHAT_METRICS_ALLOW",
    []
    if is_behind_unknown_proxy(host=HOST, bind=BIND, names=NAMES, https=HTTPS, proxies=CHAT_TRUSTED_PROXIES)
    else THIS_MACHINE,
)
try:
    METRICS_NETWORKS = [ip_network(word) for word in CHAT_METRICS_ALLOW]
except ValueError as error:
    env.refuse(
        "CHAT_METRICS_ALLOW", f"cannot be parsed ({error})", "Use addresses and networks: 10.0.0.5, 10.1.0.0/16."
    )
    METRICS_NETWORKS = []


# Failures are reported where the files are used.
make_private(DATA_DIR)


def secret_key() -> str:
    """The key from the environment, or one generated once and kept in the data directory, private to its owner."""
    if given := env.text("SECRET_KEY"):
        if len(given) < 32:
            env.refuse("SECRET_KEY", "is too short to be safe", "Use at least 32 random characters, or leave it out.")
        return given
    path = DATA_DIR / KEY
    try:
        if not path.exists():
            make_key(path)
    except OSError as error:
        return no_data_dir("written", error)
    try:
        key = path.read_text()
    except OSError as error:
        return no_data_dir("read", error)
    if len(key) < 32:
        env.refuse("CHAT_DATA_DIR", f"({DATA_DIR}) contains a secret_key that is too short", "Delete that file.")
        return secrets.token_urlsafe(48)
    return key


def no_data_dir(done: str, error: OSError) -> str:
    hint = "Set it to a directory that belongs to the server's user."
    env.refuse("CHAT_DATA_DIR", f"({DATA_DIR}) cannot be {done}: {error.strerror}", hint)
    return secrets.token_urlsafe(48)


SECRET_KEY = secret_key()
# Encrypt what is secret in the database (chat/models/sealing.py). Empty for a key in the data directory.
CHAT_SECRETS_KEY = env.words("CHAT_SECRETS_KEY", [])
if any(len(key) < 32 for key in CHAT_SECRETS_KEY):
    env.refuse(
        "CHAT_SECRETS_KEY", "has a key that is too short", "Each needs at least 32 random characters without a comma."
    )

# --- The application

INSTALLED_APPS = [
    "daphne",
    "servestatic",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "channels",
    "chat",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "chat.middleware.browser_policy.BrowserPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "chat.api.authentication.BearerTokenMiddleware",
    "chat.auth.sessions.SignInsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "chatsite.urls"
ASGI_APPLICATION = "chatsite.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "chat.pages.theme.theme",
                "chat.accounts.signup.signup",
            ],
        },
    }
]
CSRF_FAILURE_VIEW = "chat.pages.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
# Send no Referer to other sites. With "no-referrer", browsers send `Origin: null` with the site's own forms, which the
# CSRF check must refuse.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
LANGUAGE_CODE = "en"
# Each named in its own language. To add one, create its folder in locale/ (bin/messages) and add a line here.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
COOKIE_PATH = SUB_PATH or "/"
CHAT_COOKIE_PREFIX = env.text("CHAT_COOKIE_PREFIX", default_prefix(SUB_PATH))
if not cookie_names.PREFIX.fullmatch(CHAT_COOKIE_PREFIX):
    env.refuse("CHAT_COOKIE_PREFIX", "is not valid in a cookie name", "Use ASCII letters, digits, dots, - and _.")
    CHAT_COOKIE_PREFIX = ""
COOKIE_PREFIX = security_prefix(https=HTTPS, path=COOKIE_PATH) + CHAT_COOKIE_PREFIX
# The language chosen in the menu; until then, the browser's preferred languages apply.
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_PATH = COOKIE_PATH
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
MESSAGE_STORAGE = "chatsite.message_storage.MessageStorage"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Data

# With the default, eight processes stay within PostgreSQL's default limit of a hundred connections.
CHAT_DATABASE_CONNECTIONS = env.integer("CHAT_DATABASE_CONNECTIONS", 12, minimum=2, maximum=1000)
CHAT_DATABASE_SECONDS = env.integer("CHAT_DATABASE_SECONDS", 10, minimum=1, maximum=3600)


def default_database(url: str) -> dict[str, Any]:
    if not url:
        return sqlite_database(DATA_DIR / DATABASE, seconds=CHAT_DATABASE_SECONDS)
    return database(url, connections=CHAT_DATABASE_CONNECTIONS, seconds=CHAT_DATABASE_SECONDS)


try:
    DATABASES = {"default": default_database(env.text("DATABASE_URL"))}
except ValueError as error:
    env.refuse("DATABASE_URL", f"cannot be parsed ({error})", "Example: postgresql://user:password@host:5432/name.")
    DATABASES = {"default": default_database("sqlite://:memory:")}
if DATABASES["default"]["ENGINE"] == SQLITE:
    # In a file: like the server, the tests open connections in several threads.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
# Shared by several processes for stream logs and notices.
REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix"))
try:
    REDIS_URL = with_password(REDIS_URL)
except BadRedisUrl as error:
    env.refuse(
        "REDIS_URL", f"has an invalid password_file ({error})", "Set password_file to the path of a readable file."
    )
    REDIS_URL = ""
CHANNEL_LAYERS: dict[str, Any] = {
    "default": {
        "BACKEND": "chat.notices.memory_layer.MemoryLayer",
        # Of a process, not of a socket.
        "CONFIG": {"capacity": 10_000},
    }
}
if REDIS_URL:
    CHANNEL_LAYERS["default"] = redis_layer(REDIS_URL)
# Counts for the rate limits of accounts. Several processes share them in Redis; otherwise each would count alone.
CACHES = {"default": cache(REDIS_URL)}

# --- Accounts

AUTH_USER_MODEL = "chat.User"
# Only one backend: each additional one would hash a wrong password again.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "chat.accounts.limits.MaximumLengthValidator"},
]
# Default: on if only this machine can reach the site, otherwise off.
SIGNUP_IS_DECIDED = bool(env.text("CHAT_SIGNUP"))
CHAT_SIGNUP = env.flag(
    "CHAT_SIGNUP",
    not is_open_to_others(
        host=HOST, bind=BIND, published=PUBLISHED, names=NAMES, https=HTTPS, proxies=CHAT_TRUSTED_PROXIES
    ),
)
ACCOUNT_ADAPTER = "chat.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_FORMS = {
    "login": "chat.accounts.forms.LoginForm",
    "signup": "chat.accounts.forms.SignupForm",
    "reauthenticate": "chat.accounts.forms.ReauthenticateForm",
    "change_password": "chat.accounts.forms.ChangePasswordForm",
    "reset_password": "chat.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "chat.accounts.forms.ResetPasswordKeyForm",
}
ACCOUNT_EMAIL_VERIFICATION = "none"
# Accounts may share an e-mail address: sign-up must not reveal that one exists (chat/models/user.py).
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "chat:new"
LOGOUT_REDIRECT_URL = "account_login"
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = COOKIE_PATH
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("CHAT_HSTS_SUBDOMAINS", False)
SECURE_HSTS_PRELOAD = env.flag("CHAT_HSTS_PRELOAD", False)
SILENCED_SYSTEM_CHECKS: list[str] = []
if HTTPS:
    # The proxy redirects HTTP to HTTPS (deploy/nginx-tls.conf). Requests that arrive here came over HTTPS.
    SILENCED_SYSTEM_CHECKS.append("security.W008")
    # These affect more than this site, and for a long time: the operator decides.
    if not SECURE_HSTS_INCLUDE_SUBDOMAINS:
        SILENCED_SYSTEM_CHECKS.append("security.W005")
    if not SECURE_HSTS_PRELOAD:
        SILENCED_SYSTEM_CHECKS.append("security.W021")
EMAIL_URL = env.url("EMAIL_URL", ("smtp", "smtp+tls", "smtps"))
# Set by bin/dev: whoever sees its terminal operates the site.
CONSOLE_MAIL = env.flag("CHAT_CONSOLE_MAIL", False)
EMAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "chat@localhost")
# Contact for users when the site cannot send mail.
CHAT_CONTACT = env.text("CHAT_CONTACT")
if EMAIL_URL:
    _email = urlsplit(EMAIL_URL)
    try:
        EMAIL_PORT = _email.port or EMAIL_PORTS[_email.scheme]
    except ValueError:
        EMAIL_PORT = EMAIL_PORTS[_email.scheme]
        env.refuse("EMAIL_URL", "has an invalid port", "Example: smtp+tls://user:password@host:587.")
    EMAIL_HOST = _email.hostname or "localhost"
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_email.username or ""), unquote(_email.password or "")
    EMAIL_USE_SSL, EMAIL_USE_TLS = _email.scheme == "smtps", _email.scheme == "smtp+tls"
    EMAIL_TIMEOUT = 10
elif CONSOLE_MAIL:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
else:
    EMAIL_BACKEND = "chat.mail.NoMailServer"

# --- Static files and the Content-Security-Policy

STATIC_URL = f"{SUB_PATH}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Output of collectstatic. In an image it belongs with the code: in a data volume it would be outdated after an update.
STATIC_ROOT = Path(env.text("CHAT_STATIC_DIR", str(DATA_DIR / "static"))).expanduser().absolute()
# On: the output of collectstatic under hashed names, cached by browsers indefinitely. Off: the source files.
STATIC_HASHED = env.flag("CHAT_STATIC_HASHED", False) and not DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "chatsite.lean_scripts.LeanScriptsStorage"
        if STATIC_HASHED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
SERVESTATIC_USE_MANIFEST = STATIC_HASHED
SERVESTATIC_USE_FINDERS = SERVESTATIC_AUTOREFRESH = not STATIC_HASHED
SERVESTATIC_MAX_AGE = 0
SERVESTATIC_ALLOW_ALL_ORIGINS = False
SERVESTATIC_ADD_HEADERS_FUNCTION = static_headers
SERVESTATIC_SKIP_COMPRESS_EXTENSIONS = ("woff2", "png", "webp", "br", "gz")

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "frame-src": [NONE],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "require-trusted-types-for": ["'script'"],
        # Syntax highlighting runs in a worker, which can be terminated. A worker's URL needs Trusted Types too: this
        # policy, with one constant URL (static/js/markdown/highlighter.js), is the only one allowed.
        "trusted-types": ["chatsite-worker"],
    }
}

# --- Models

OPENAI_API_KEY = env.key("OPENAI_API_KEY")
OPENAI_BASE_URL = env.server("OPENAI_BASE_URL")
OPENAI_MODEL = env.name("OPENAI_MODEL", longest=200)
if env.text("OPENAI_BASE_URL") and not OPENAI_BASE_URL:
    # Even if system checks are skipped, a key for another server must not be sent to OpenAI.
    OPENAI_API_KEY = OPENAI_MODEL = ""
ANTHROPIC_API_KEY = env.key("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = env.server("ANTHROPIC_BASE_URL")
ANTHROPIC_MODEL = env.name("ANTHROPIC_MODEL", longest=200)
if env.text("ANTHROPIC_BASE_URL") and not ANTHROPIC_BASE_URL:
    ANTHROPIC_API_KEY = ANTHROPIC_MODEL = ""
OLLAMA_URL = "" if env.text("OLLAMA_URL") == "off" else env.server("OLLAMA_URL") or "http://127.0.0.1:11434"
CHAT_DEMO_TOKENS_PER_SECOND = env.number("CHAT_DEMO_TOKENS_PER_SECOND", 40)
CHAT_FIRST_TOKEN_TIMEOUT = env.number("CHAT_FIRST_TOKEN_TIMEOUT", 60, minimum=0.1)
CHAT_IDLE_TIMEOUT = env.number("CHAT_IDLE_TIMEOUT", 45, minimum=0.1)
CHAT_CONTEXT_CHARACTERS = env.integer("CHAT_CONTEXT_CHARACTERS", 200_000, minimum=1000)
CHAT_TITLES = env.flag("CHAT_TITLES", True)

# --- Tools

# Python modules with tools of this site (CONTRIBUTING.md, "Add a tool").
CHAT_TOOLS = env.words("CHAT_TOOLS", [])
# Of one answer: calls of the model, seconds for all of it, and tool calls in one turn.
CHAT_TOOL_TURNS = env.integer("CHAT_TOOL_TURNS", 20)
CHAT_TOOL_SECONDS = env.number("CHAT_TOOL_SECONDS", 600.0)
CHAT_TOOL_CALLS = env.integer("CHAT_TOOL_CALLS", 8)
# How long a person has to allow a call.
CHAT_APPROVAL_DAYS = env.integer("CHAT_APPROVAL_DAYS", 7)
# Hosts that models may read pages from: none, names, or * for all public ones.
CHAT_FETCH_HOSTS = env.words("CHAT_FETCH_HOSTS", [])
# Addresses that are not public, which the hosts above that are named may have.
CHAT_FETCH_NETWORKS = env.words("CHAT_FETCH_NETWORKS", [])

# --- Limits (docs/protocol.md)

CHAT_FRAME_BYTES = env.integer("CHAT_FRAME_BYTES", 128 * 1024, minimum=1024)
CHAT_MESSAGE_CHARACTERS = env.integer("CHAT_MESSAGE_CHARACTERS", 100_000, minimum=1)
CHAT_FRAMES_PER_SECOND = env.integer("CHAT_FRAMES_PER_SECOND", 60, minimum=1)
CHAT_FRAMES_PER_SECOND_PER_USER = env.integer("CHAT_FRAMES_PER_SECOND_PER_USER", 120, minimum=1)
# Twice the expected tabs: after a computer sleeps, its old sockets count until the server notices.
CHAT_SOCKETS_PER_USER = env.integer("CHAT_SOCKETS_PER_USER", 60, minimum=1)
CHAT_STREAMS_PER_USER = env.integer("CHAT_STREAMS_PER_USER", 60, minimum=1)
CHAT_SENDS_PER_MINUTE = env.integer("CHAT_SENDS_PER_MINUTE", 30, minimum=1)
CHAT_LIVE_RUNS_PER_USER = env.integer("CHAT_LIVE_RUNS_PER_USER", 3, minimum=1)
CHAT_ANSWER_BYTES = env.integer("CHAT_ANSWER_BYTES", 1024 * 1024, minimum=1024)
# For all users and processes together. By default at least what one user may have.
CHAT_RUNS_PER_MINUTE = env.integer("CHAT_RUNS_PER_MINUTE", max(600, CHAT_SENDS_PER_MINUTE), minimum=1)
CHAT_LIVE_RUNS = env.integer("CHAT_LIVE_RUNS", max(200, CHAT_LIVE_RUNS_PER_USER), minimum=1)
# Events of live and recent runs. In process memory, a text chunk takes about five times as much as in Redis, so the
# default is larger there. The default per user leaves room for as many long answers as may run at once.
CHAT_LOG_BYTES = env.integer("CHAT_LOG_BYTES", (128 if REDIS_URL else 256) * 1024 * 1024, minimum=1024 * 1024)
CHAT_LOG_BYTES_PER_USER = env.integer(
    "CHAT_LOG_BYTES_PER_USER",
    min(CHAT_LOG_BYTES, max(24 * 1024 * 1024, 8 * CHAT_LIVE_RUNS_PER_USER * CHAT_ANSWER_BYTES)),
    minimum=1024 * 1024,
)
CHAT_DRAIN = env.number("CHAT_DRAIN", 25)
CHAT_ORPHAN_GRACE = env.number("CHAT_ORPHAN_GRACE", 0)
CHAT_STALLED_SECONDS = env.number("CHAT_STALLED_SECONDS", 30, minimum=0.1)
CHAT_HEARTBEAT_SECONDS = env.number("CHAT_HEARTBEAT_SECONDS", 15, minimum=0.1)
CHAT_UNDO_SECONDS = env.integer("CHAT_UNDO_SECONDS", 600)
CHAT_SAVE_SECONDS = env.number("CHAT_SAVE_SECONDS", 120)

# --- Logging: ids and numbers, never message texts

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
LINE = "%(asctime)s %(levelname)s %(name)s: %(of_request)s%(message)s"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "chatsite.log_lines.Lines", "format": LINE},
        "line_alone": {"()": "chatsite.log_lines.LinesAlone", "format": LINE},
    },
    "filters": {"outages": {"()": "chatsite.log_outages.Outages"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["outages"]},
        "console_lines": {"class": "logging.StreamHandler", "formatter": "line_alone"},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "chat": {"level": LOG_LEVEL},
        "django.request": {"level": "ERROR"},
        # Client errors, such as a wrong Host or too many fields. One line each, so that clients cannot flood the log.
        "django.security": {"handlers": ["console_lines"], "propagate": False},
    },
}

SETTING_PROBLEMS = env.problems
