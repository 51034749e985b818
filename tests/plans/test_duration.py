"""How long a period of a plan lasts: on the calendar of the installation's time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ispanel.models import PanelSettings
from plans.models import Plan
from tests.cast import NOW


def end_of(plan: Plan, start: str, zone: str) -> str:
    """Return the end of a period, both as a clock on the wall of the zone shows them."""
    PanelSettings.objects.update(time_zone=zone)
    begins = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return plan.end_of_period(begins).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Dhaka", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("months", "start", "end"),
    [
        (1, "2026-01-31 10:00", "2026-02-28 10:00"),
        (1, "2028-01-31 10:00", "2028-02-29 10:00"),
        (1, "2026-02-28 10:00", "2026-03-28 10:00"),
        (1, "2026-03-01 02:00", "2026-04-01 02:00"),
        (1, "2026-03-31 23:30", "2026-04-30 23:30"),
        (12, "2028-02-29 10:00", "2029-02-28 10:00"),
        (3, "2026-11-30 00:00", "2027-02-28 00:00"),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_last_there_is(
    db: None, zone: str, months: int, start: str, end: str
) -> None:
    assert end_of(Plan(duration=months, duration_unit="months"), start, zone) == end


@pytest.mark.parametrize("unit", ["days", "months"])
@pytest.mark.parametrize(
    ("start", "end"), [("2026-03-07 10:00", "2026-04-07 10:00"), ("2026-10-20 10:00", "2026-11-20 10:00")]
)
def test_the_clock_on_the_wall_shows_the_same_hour_after_the_clocks_have_changed(
    db: None, unit: str, start: str, end: str
) -> None:
    plan = Plan(duration=31 if unit == "days" else 1, duration_unit=unit)

    assert end_of(plan, start, "America/Los_Angeles") == end


def test_a_period_that_would_end_in_the_hour_that_is_left_out_ends_an_hour_later(db: None) -> None:
    assert (
        end_of(Plan(duration=1, duration_unit="days"), "2026-03-07 02:30", "America/Los_Angeles") == "2026-03-08 03:30"
    )


def test_days_are_counted_to_the_second(db: None) -> None:
    assert Plan(duration=30).end_of_period(NOW) == NOW + timedelta(days=30)


@pytest.mark.parametrize(
    ("duration", "unit", "words"),
    [(1, "days", "1 day"), (30, "days", "30 days"), (1, "months", "1 month"), (12, "months", "12 months")],
)
def test_the_duration_reads_as_people_say_it(duration: int, unit: str, words: str) -> None:
    assert Plan(duration=duration, duration_unit=unit).duration_words == words
