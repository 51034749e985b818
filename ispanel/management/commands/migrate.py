"""`manage.py migrate`: as the database's owner, and then the grants of the role that serves requests."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from ispanel import roles


class Command(migrate.Command):
    help = "Migrate as the role of DATABASE_OWNER_URL, and grant that of DATABASE_URL its rights."

    def execute(self, *args: Any, **options: Any) -> str | None:
        connection = connections[options["database"]]
        only_looks = options["plan"] or options["check_unapplied"]
        try:
            with roles.as_owner(connection) as there_are_two:
                if there_are_two and not only_looks:
                    roles.ensure_serving_role(connection)
                output = super().execute(*args, **options)
                if there_are_two and not only_looks:
                    roles.grant(connection)
                return output
        except (roles.CannotMakeRole, ImproperlyConfigured) as problem:
            raise CommandError(str(problem)) from None
