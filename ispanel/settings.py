"""Settings, all of them from the environment: a missing or malformed one stops the start with a sentence."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import structlog
from csp.constants import SELF
from django.core.exceptions import ImproperlyConfigured

from ispanel.crypto import parse_key_ring
from ispanel.logs import without_links

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def required(name: str) -> str:
    """Return the variable's value.

    :raises ImproperlyConfigured: where it is unset or empty.
    """
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. .env.example says what it is; `make run` makes its own.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """Return whether the variable says yes.

    :raises ImproperlyConfigured: for anything but a plain yes or no, which would otherwise switch a guard off.
    """
    text = env.str(name, default=str(default)).strip().lower()
    if text in {"true", "yes", "on", "1"}:
        return True
    if text in {"false", "no", "off", "0"}:
        return False
    raise ImproperlyConfigured(f"{name} cannot be used: say true or false.")


def integer(name: str, *, default: int) -> int:
    """Return the variable's number.

    :raises ImproperlyConfigured: where it is none.
    """
    try:
        return int(env.int(name, default=default))
    except ValueError as problem:
        raise ImproperlyConfigured(f"{name} cannot be used: it is no whole number.") from problem


def key_ring(name: str) -> dict[str, bytes]:
    """Return the ring of encryption keys.

    :raises ImproperlyConfigured: naming the malformed entry.
    """
    try:
        return parse_key_ring(required(name))
    except ValueError as problem:
        raise ImproperlyConfigured(f"{name} cannot be used: {problem}.") from problem


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the listed addresses and CIDR blocks.

    :raises ImproperlyConfigured: naming the bad one.
    """
    try:
        return [ipaddress.ip_network(item) for item in env.list(name, default=[])]
    except ValueError as problem:
        raise ImproperlyConfigured(f"{name} cannot be used: {problem}.") from problem


def address(name: str, *, default_host: str) -> str:
    """Return the address that the variable holds, without a slash at its end.

    :raises ImproperlyConfigured: for anything but a scheme and a host.
    """
    scheme = "https" if HTTPS_ONLY else "http"
    url = env.str(name, default="") or f"{scheme}://{default_host.lstrip('.').replace('*', 'localhost')}"
    if not re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?/?", url, re.IGNORECASE):
        raise ImproperlyConfigured(f"{name} cannot be used: write it as https://panel.example.com.")
    return url.rstrip("/")


def name_server(name: str) -> tuple[str, int] | None:
    """Return the address and port of the name server that is asked; None is the machine's own.

    :raises ImproperlyConfigured: for anything but an IP address, with or without a port.
    """
    text = env.str(name, default="")
    if not text:
        return None
    try:
        parts = urlsplit(f"//{text}")
        return str(ipaddress.ip_address(parts.hostname or "")), parts.port or 53
    except ValueError as problem:
        raise ImproperlyConfigured(
            f"{name} cannot be used: write it as 192.0.2.53:53 or [2001:db8::53]:53."
        ) from problem


SECRET_KEY = required("SECRET_KEY")
ENCRYPTION_KEYS = key_ring("ENCRYPTION_KEYS")
HTTPS_ONLY = boolean("HTTPS_ONLY", default=True)
#: The names of the panel itself. The domains of resellers are rows; `ispanel.doors` lets in both and nothing else, so
#: Django's own list, which knows no rows, is open.
PANEL_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
ALLOWED_HOSTS = ["*"]
#: Where the panel is found by those who read its messages.
PANEL_URL = address("PANEL_URL", default_host=PANEL_HOSTS[0] if PANEL_HOSTS else "localhost")
CUSTOM_DOMAIN_SCHEME = "https" if HTTPS_ONLY else "http"
#: Who is asked for the records that prove a reseller's domain.
DNS_RESOLVER = name_server("DNS_RESOLVER")
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXIES = networks("TRUSTED_PROXIES")
DEBUG = False

INSTALLED_APPS = [
    "accounts.desk.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "django_htmx",
    "template_partials",
    "lucide",
    "procrastinate.contrib.django",
    "ispanel",
    "audit",
    "accounts",
    "wallet",
    "network",
    "plans",
    "resellers",
    "billing",
    "notifications",
    "subscribers",
    "reports",
    "api",
]

MIDDLEWARE = [
    "ispanel.middleware.request_id",
    "ispanel.middleware.sound_request",
    "ispanel.middleware.closed_headers",
    "ispanel.middleware.known_host",
    "django.middleware.security.SecurityMiddleware",
    "ispanel.middleware.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "accounts.middleware.bound_session",
    "ispanel.middleware.MissingSlash",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ispanel.middleware.PanelMiddleware",
    "accounts.middleware.SeatMiddleware",
]

ROOT_URLCONF = "ispanel.urls"
WSGI_APPLICATION = "ispanel.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "ispanel.context.panel",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "template_partials.templatetags.partials",
                "lucide.templatetags.lucide",
                "ispanel.templatetags.panel",
            ],
        },
    }
]

DATABASE_URL = required("DATABASE_URL")
#: For `manage.py migrate`; see ispanel/roles.py.
DATABASE_OWNER_URL: str = env.str("DATABASE_OWNER_URL", default="")
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
given = DATABASES["default"].get("OPTIONS", {})
DATABASES["default"] |= {
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": given
    | {
        # One pool per process. A request that waits longer than `timeout` for a free connection is answered with an
        # error. Reconnecting is given up sooner than that and begun anew by the next request: the pool doubles its
        # pauses meanwhile, and would not look for many seconds after PostgreSQL is back from a longer outage.
        "pool": {
            "min_size": 1,
            "max_size": integer("DATABASE_POOL", default=8),
            "timeout": 4,
            "reconnect_timeout": 3,
        },
        "application_name": "ispanel",
        # A statement that a connection has sent five times is planned once and for all.
        "server_side_binding": True,
        "prepare_threshold": 5,
        # Nobody waits longer for what somebody else holds: see `ispanel.refusals.Busy`. Statements have no such limit,
        # since exports and verifications take as long as the books are.
        "options": f"-c lock_timeout=5s {given.get('options', '')}".strip(),
    },
}
#: How many jobs a worker does at once, each with a connection of the pool.
WORKER_CONCURRENCY = integer("WORKER_CONCURRENCY", default=4)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.UsernameOrEmailBackend"]
BCRYPT_ROUNDS = integer("BCRYPT_ROUNDS", default=12)
PASSWORD_HASHERS = ["accounts.hashers.BcryptSha256"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.password_rules.Length"},
    {"NAME": "accounts.password_rules.NotCommon"},
    {"NAME": "accounts.password_rules.NotMonotonous"},
    {"NAME": "accounts.password_rules.NotAboutTheOwner"},
]
#: How many requests an API token makes in a minute.
API_REQUESTS_PER_MINUTE = integer("API_REQUESTS_PER_MINUTE", default=300)
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "reports:dashboard"

SESSION_ENGINE = "accounts.sessions"
# Of those who have not signed in. How long a sign-in lasts is a setting of the panel; its cookie goes with the browser.
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "__Host-session" if HTTPS_ONLY else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS_ONLY else "csrf"
CSRF_FAILURE_VIEW = "ispanel.views.csrf_failure"
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^tls/allowed$"]
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": ["'none'"],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# A file that may be imported is never put on the disk: it holds passwords. What is larger is refused anyway.
FILE_UPLOAD_HANDLERS = ["ispanel.uploads.InMemory"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 21 * 1024 * 1024

# Mail goes by the panel's own channel (see notifications), and by nothing else.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "static-build")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOG_LEVEL: str = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(["rows", "head", "reason", "task", "job_id", "attempt"]),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                without_links,
                structlog.processors.JSONRenderer(),
            ],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # Each job begins and ends with lines of its own there, arguments included; `ispanel.jobs` says what failed.
        "procrastinate": {"level": "ERROR"},
        "procrastinate.worker": {"level": "CRITICAL"},
        "procrastinate.worker.worker": {"level": "ERROR"},
        # They tell of each request with its address, in which a gateway may want the key and the text of a message.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
