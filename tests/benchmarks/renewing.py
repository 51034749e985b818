"""Renewing the same subscribers one by one, and in one batch."""

from __future__ import annotations

import time
import uuid

from django.utils import timezone

from accounts.models import User
from ispanel.installation import settings_in_force
from resellers.models import Reseller
from subscribers.models import Subscriber
from subscribers.operations import renew_subscriber, renew_subscribers
from tests.cast import seat_of
from wallet.ledger import ActKey


class Renewals:
    """A reseller's subscribers; each way of renewing returns how many seconds it took."""

    def __init__(self, admin: User, reseller: Reseller, subscribers: list[Subscriber]) -> None:
        self.seat, self.reseller = seat_of(admin), reseller
        self.ids = [subscriber.pk for subscriber in subscribers]

    def one_by_one(self) -> float:
        began = time.perf_counter()
        with settings_in_force():
            for pk in self.ids:
                renew_subscriber(
                    actor=self.seat, subscriber_id=pk, key=self._key({"subscriber": pk}), now=timezone.now()
                )
        return time.perf_counter() - began

    def in_one_batch(self) -> float:
        began = time.perf_counter()
        batch = renew_subscribers(
            actor=self.seat,
            reseller_id=self.reseller.pk,
            subscriber_ids=self.ids,
            key=self._key({"subscribers": self.ids}),
            now=timezone.now(),
        )
        seconds = time.perf_counter() - began
        assert all(result.renewal_id for result in batch.results), "somebody was not renewed"
        return seconds

    @staticmethod
    def _key(contents: dict[str, object]) -> ActKey:
        return ActKey("renewal", uuid.uuid4(), contents)
