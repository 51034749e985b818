"""What `manage.py check --deploy` looks at beyond Django's own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import connection
from django.http.request import validate_host

#: Whether the role is a superuser, or may do as the owner of any table does.
OWNS = """
    SELECT rolsuper OR EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND pg_has_role(relowner, 'USAGE')
    ) FROM pg_roles WHERE rolname = current_user
"""


@register(Tags.security, deploy=True)
def check_serving_role_owns_nothing(**_options: Any) -> list[CheckMessage]:
    """Warn where requests are served as the tables' owner; say nothing of a database that does not answer."""
    if connection.vendor != "postgresql":
        return []
    try:
        with psycopg.connect(**connection.get_connection_params() | {"connect_timeout": 3}) as asking:
            row = asking.execute(OWNS).fetchone()
    except psycopg.OperationalError:
        return []
    if not row or not row[0]:
        return []
    return [
        checks.Warning(
            "The database role of DATABASE_URL owns the tables, so it could take the guards of the ledger and the audit"
            " trail away.",
            hint="Name a second role in DATABASE_URL, the owner in DATABASE_OWNER_URL, and migrate: docs/operator.md.",
            id="ispanel.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_panel_is_found_under_its_own_name(**_options: Any) -> list[CheckMessage]:
    """Warn where any name is the panel's, and where the addresses in messages lead to a host that is none of them."""
    found: list[CheckMessage] = []
    if "*" in settings.PANEL_HOSTS:
        found.append(
            checks.Warning(
                "ALLOWED_HOSTS has *, so every name is the panel's, and resellers' domains show nothing of their own.",
                hint="List the names of the panel itself. The domains of resellers need not be there.",
                id="ispanel.W002",
            )
        )
    host = urlsplit(settings.PANEL_URL).hostname or ""
    if not validate_host(f"[{host}]" if ":" in host else host, settings.PANEL_HOSTS):
        found.append(
            checks.Warning(
                f"PANEL_URL leads to {host}, which ALLOWED_HOSTS does not list: links in messages lead nowhere.",
                hint="List it in ALLOWED_HOSTS too.",
                id="ispanel.W003",
            )
        )
    return found
