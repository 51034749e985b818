"""What `manage.py check --deploy` looks at beyond Django's own."""

from __future__ import annotations

from typing import Any

import psycopg
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import connection

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
