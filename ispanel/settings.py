"""Settings, all of them from the environment: a missing or malformed one stops the start with a sentence."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import environ
import structlog
from csp.constants import SELF
from django.core.exceptions import ImproperlyConfigured

from ispanel.crypto import parse_key_ring

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


def mail_server(name: str) -> dict[str, Any]:
    """Return Django's settings of the mail server, none where there is no server.

    :raises ImproperlyConfigured: for anything but smtp://, smtp+tls:// or smtp+ssl:// with a host.
    """
    url = env.str(name, default="")
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    try:
        server = dict(env.email_url_config(url))
    except (KeyError, ValueError, ImproperlyConfigured):
        server = {}
    if not url.startswith(("smtp://", "smtp+tls://", "smtp+ssl://")) or not server.get("EMAIL_HOST"):
        raise ImproperlyConfigured(f"{name} cannot be used: write it as smtp+tls://user:password@host:587.")
    return {key: value for key, value in server.items() if key.startswith("EMAIL_")}


SECRET_KEY = required("SECRET_KEY")
ENCRYPTION_KEYS = key_ring("ENCRYPTION_KEYS")
HTTPS_ONLY = boolean("HTTPS_ONLY", default=True)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
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
    "subscribers",
    "reports",
    "api",
]

MIDDLEWARE = [
    "ispanel.middleware.request_id",
    "ispanel.middleware.sound_request",
    "ispanel.middleware.closed_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
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
SECURE_REDIRECT_EXEMPT = [r"^health/"]
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
FILE_UPLOAD_MAX_MEMORY_SIZE = 21 * 1024 * 1024

EMAIL_URL: str = env.str("EMAIL_URL", default="")
globals().update(mail_server("EMAIL_URL"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="ispanel@localhost")

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
    },
}
