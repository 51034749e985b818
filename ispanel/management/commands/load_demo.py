"""A small believable demo, made by the same operations as everything else."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts.models import PermissionGroup, User, UserType
from accounts.seats import Seat
from plans.models import Plan
from plans.operations import create_plan
from resellers.models import Reseller
from resellers.operations import create_reseller, suspend_reseller, transfer_to_reseller
from subscribers.models import Subscriber
from subscribers.operations import add_subscriber, renew_subscriber
from wallet.ledger import InsufficientFunds

SEED = 20260501
DAYS = 60
#: The share of those whose period ends who buy another one.
RENEWS = 0.75

PLANS = (
    ("Night 10", "6.00", 30, 10_000, 2_000, 100_000),
    ("Home 25", "15.00", 30, 25_000, 5_000, None),
    ("Home 50", "25.00", 30, 50_000, 10_000, None),
    ("Family 100", "38.50", 30, 100_000, 20_000, None),
    ("Business 200", "95.00", 30, 200_000, 100_000, None),
)


@dataclass(frozen=True)
class Partner:
    """A reseller of the demo: its settlements are paid in over the weeks."""

    username: str
    company: str
    person: str
    phone: str
    town: str
    subscribers: int
    settlements: tuple[int, ...]
    credit_limit: int = 0
    parent: str = ""


PARTNERS = (
    Partner("baraka", "Baraka Link", "Yusuf Haddad", "+961 3 555 014", "Sidon", 14, (900, 600)),
    Partner("alnoor", "Al-Noor Net", "Samira Khalil", "+961 70 555 182", "Tyre", 15, (450,), credit_limit=500),
    Partner("almafibra", "Alma Fibra", "Lucía Ferrer", "+34 600 555 271", "Alicante", 12, (1200,)),
    Partner("kiyi", "Kıyı Telekom", "Deniz Arslan", "+90 530 555 0316", "İzmir", 11, (800, 450)),
    Partner("deltawifi", "Delta WiFi", "Rana Aziz", "+961 76 555 904", "Nabatieh", 6, (400,), parent="baraka"),
    Partner("nilsat", "Nil Sat", "Karim Fahmy", "+20 100 555 4477", "Luxor", 4, (250,), parent="baraka"),
    Partner("horizonte", "Horizonte Net", "Inês Duarte", "+351 910 555 083", "Faro", 0, ()),
)
FIRST_NAMES = ("Amal", "Bilal", "Carla", "Dana", "Elif", "Faris", "Greta", "Hadi", "Irena", "Jad", "Kenan", "Lina")
LAST_NAMES = ("Aydın", "Barakat", "Costa", "Darwish", "Estévez", "Farah", "Gomes", "Hamdan", "Ilhan", "Jaber")


class Command(BaseCommand):
    """Make plans, resellers and subscribers with two months of history; do nothing where there is a reseller."""

    help = "Load a small believable demo into an installation without resellers."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if Reseller.objects.exists():
            self.stdout.write("There are resellers already, so the demo is left out.")
            return
        admin = User.objects.with_rights().filter(user_type=UserType.ADMIN).first()
        if admin is None:
            raise CommandError("The demo needs an admin. `make run` makes one.")
        with transaction.atomic():
            Demo(Seat.own(admin), timezone.now()).load()
        self.stdout.write(
            f"The demo is loaded: {Reseller.objects.count()} resellers, {Subscriber.objects.count()} subscribers."
        )


class Demo:
    """The same two months every time, up to the moment ``now``, in the order of time; only the passwords differ."""

    def __init__(self, actor: Seat, now: datetime) -> None:
        self.actor = actor
        self.now = now
        self.random = random.Random(SEED)  # noqa: S311 - names and dates, no secrets
        self.resellers: dict[str, Reseller] = {}
        self.plans: list[Plan] = []
        self.agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self.number = itertools.count()

    def load(self) -> None:
        """Put what happens on an agenda and live through it."""
        for plan in PLANS:
            self.add_plan(*plan)
        for partner in PARTNERS:
            self.add_partner(partner)
            for month, amount in enumerate(partner.settlements):
                self.at(self.days_ago(DAYS + 1 - 30 * month), self.settlement(partner, amount))
            for number in range(1, partner.subscribers + 1):
                oldest = DAYS - 2 if number > 1 else 0.05
                self.at(self.days_ago(self.random.uniform(0.01, oldest)), self.new_line(partner, number))
        while self.agenda:
            when, _number, happen = heapq.heappop(self.agenda)
            happen(when)
        self.suspend("nilsat", "Two settlements are overdue")

    def days_ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def at(self, when: datetime, happen: Callable[[datetime], None]) -> None:
        heapq.heappush(self.agenda, (when, next(self.number), happen))

    def add_plan(
        self, name: str, price: str, duration: int, download_kbps: int, upload_kbps: int, quota_mb: int | None
    ) -> None:
        plan = create_plan(
            actor=self.actor,
            name=name,
            price=Decimal(price),
            duration=duration,
            duration_unit="days",
            download_kbps=download_kbps,
            upload_kbps=upload_kbps,
            quota_mb=quota_mb,
            is_on_sale=True,
            now=self.days_ago(DAYS + 3),
        )
        self.plans.append(plan)

    def add_partner(self, partner: Partner) -> None:
        self.resellers[partner.username] = create_reseller(
            actor=self.actor,
            username=partner.username,
            password=secrets.token_urlsafe(12),
            company_name=partner.company,
            full_name=partner.person,
            phone=partner.phone,
            email=f"office@{partner.username}.example",
            address=partner.town,
            parent=self.resellers.get(partner.parent),
            credit_limit=Decimal(partner.credit_limit),
            permission_group=PermissionGroup.objects.get(name="SALES"),
            now=self.days_ago(DAYS + 2),
        )

    def suspend(self, username: str, reason: str) -> None:
        suspend_reseller(actor=self.actor, reseller_id=self.resellers[username].pk, reason=reason, now=self.now)

    def settlement(self, partner: Partner, amount: int) -> Callable[[datetime], None]:
        def transfer(when: datetime) -> None:
            transfer_to_reseller(
                actor=self.actor,
                reseller_id=self.resellers[partner.username].pk,
                amount=Decimal(amount),
                note=f"Monthly settlement {when:%B %Y}",
                now=when,
            )

        return transfer

    def new_line(self, partner: Partner, number: int) -> Callable[[datetime], None]:
        name = f"{self.random.choice(FIRST_NAMES)} {self.random.choice(LAST_NAMES)}"
        wanted = self.random.choice(self.plans)

        def add(when: datetime) -> None:
            reseller = self.resellers[partner.username]
            reseller.wallet.refresh_from_db()
            plan = wanted if wanted.price <= reseller.wallet.available else self.plans[0]
            subscriber = add_subscriber(
                actor=Seat.own(reseller.user),
                reseller=reseller,
                plan=plan,
                username=f"{partner.username}-{number:03}",
                password=secrets.token_urlsafe(9),
                full_name=name,
                phone=f"{partner.phone[:-3]}{self.random.randrange(1000):03}",
                address=partner.town,
                now=when,
            )
            ends = plan.end_of_period(when)
            if ends < self.now and self.random.random() < RENEWS:
                self.at(ends - timedelta(hours=5), self.renewal(subscriber))

        return add

    def renewal(self, subscriber: Subscriber) -> Callable[[datetime], None]:
        def renew(when: datetime) -> None:
            with contextlib.suppress(InsufficientFunds):
                renew_subscriber(actor=Seat.own(subscriber.reseller.user), subscriber_id=subscriber.pk, now=when)

        return renew
