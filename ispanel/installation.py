"""The general settings in force: read once per request, and afresh outside of one."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

from ispanel.models import PanelSettings
from ispanel.money import Currency

_in_force: ContextVar[PanelSettings | None] = ContextVar("panel_settings", default=None)


def panel_settings() -> PanelSettings:
    """Return the general settings."""
    return _in_force.get() or PanelSettings.objects.get(pk=1)


def currency() -> Currency:
    """Return the installation's one currency."""
    return panel_settings().currency


def time_zone() -> zoneinfo.ZoneInfo:
    """Return the installation's time zone."""
    return zoneinfo.ZoneInfo(panel_settings().time_zone)


@contextmanager
def settings_in_force() -> Iterator[PanelSettings]:
    """Read the settings once and show times in their zone for the length of the block."""
    settings = PanelSettings.objects.get(pk=1)
    token = _in_force.set(settings)
    try:
        with timezone.override(zoneinfo.ZoneInfo(settings.time_zone)):
            yield settings
    finally:
        _in_force.reset(token)


def start_of_day(now: datetime) -> datetime:
    """Return the midnight that began today in the installation's time zone."""
    return now.astimezone(time_zone()).replace(hour=0, minute=0, second=0, microsecond=0)


def start_of_month(now: datetime) -> datetime:
    """Return the midnight that began this month in the installation's time zone."""
    return start_of_day(now).replace(day=1)


def end_of_day(day: date) -> datetime:
    """Return the moment that ends a day in the installation's time zone; the last day there is has no end."""
    return midnight(day + timedelta(days=1)) if day < date.max else datetime.max.replace(tzinfo=UTC)


def midnight(day: date) -> datetime:
    """Return the moment that begins a day in the installation's time zone."""
    return datetime(day.year, day.month, day.day, tzinfo=time_zone())
