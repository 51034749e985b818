"""`manage.py work`: carry out the jobs that acts leave behind, and those of the hour, until SIGTERM."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ispanel.jobs.working import work


class Command(BaseCommand):
    help = "Carry out jobs until SIGTERM. Several of it may run at once, on one machine or on more."

    def handle(self, *_args: Any, **_options: Any) -> None:
        at_once = settings.WORKER_CONCURRENCY
        connections = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
        if not 1 <= at_once <= connections:
            raise CommandError(
                f"WORKER_CONCURRENCY is {at_once}. It has to be at least 1, and at most DATABASE_POOL, which is"
                f" {connections}: each job has a connection."
            )
        work(at_once)
