"""How much data a line has used in its running period, how much is left, and whether fair use slows it down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from plans.models import Plan
from subscribers.models import PeriodKind, Renewal


@dataclass(frozen=True, slots=True)
class Usage:
    """The running period of a line and the megabytes that were bought on top of it."""

    period: Renewal
    extra_mb: int = 0

    @property
    def plan(self) -> Plan:
        return self.period.plan

    @property
    def used_mb(self) -> int:
        return self.period.used_mb

    @property
    def quota_mb(self) -> int | None:
        """What may be used in all; None is unlimited."""
        return None if self.period.quota_mb is None else self.period.quota_mb + self.extra_mb

    @property
    def left_mb(self) -> int | None:
        """What is left of the quota; None is unlimited."""
        return None if self.quota_mb is None else max(0, self.quota_mb - self.used_mb)

    @property
    def percent(self) -> int | None:
        """How much of the quota is used, 0 to 100; None is unlimited."""
        return None if self.quota_mb is None else min(100, self.used_mb * 100 // max(self.quota_mb, 1))

    @property
    def is_throttled(self) -> bool:
        """Say whether fair use slows the line down: counting from the last reset, and data bought on top."""
        threshold = self.threshold_mb
        return threshold is not None and self.used_mb - self.period.fup_reset_mb >= threshold + self.extra_mb

    @property
    def threshold_mb(self) -> int | None:
        """What may be used at full speed: the plan's threshold, or the share of it of a period that a change began."""
        threshold, period = self.plan.fup_threshold_mb, self.period
        if threshold is None or period.kind != PeriodKind.PLAN_CHANGE:
            return threshold
        whole = self.plan.end_of_period(period.starts_at) - period.starts_at
        return max(1, int(threshold * ((period.ends_at - period.starts_at) / whole)))

    @property
    def speeds(self) -> tuple[int, int]:
        """Download and upload that the line has now, in kbit/s."""
        plan = self.plan
        if self.is_throttled and plan.throttled_download_kbps and plan.throttled_upload_kbps:
            return plan.throttled_download_kbps, plan.throttled_upload_kbps
        return plan.download_kbps, plan.upload_kbps


def usage_of(subscriber_id: int, now: datetime) -> Usage | None:
    """Return the usage of a line; None where no period runs."""
    return usages_of([subscriber_id], now).get(subscriber_id)


def usages_of(subscriber_ids: Iterable[int], now: datetime) -> dict[int, Usage]:
    """Return the usage of each of these lines whose period runs, in one query."""
    running = Renewal.objects.running_at(now).filter(subscriber__in=list(subscriber_ids)).select_related("plan")
    return usages_among(running)


def usage_among(sold: Iterable[Renewal], now: datetime) -> Usage | None:
    """Return the usage of the line to which all of this was sold; None where no period runs."""
    usages = usages_among(each for each in sold if each.is_running_at(now))
    return next(iter(usages.values()), None)


def usages_among(running: Iterable[Renewal]) -> dict[int, Usage]:
    """Return the usage of each line to which one of these was sold; all of them run."""
    periods: dict[int, Renewal] = {}
    extra: dict[int, int] = {}
    for sold in running:
        if sold.is_data:
            extra[sold.subscriber_id] = extra.get(sold.subscriber_id, 0) + (sold.quota_mb or 0)
        else:
            periods[sold.subscriber_id] = sold
    return {pk: Usage(period, extra.get(pk, 0)) for pk, period in periods.items()}
