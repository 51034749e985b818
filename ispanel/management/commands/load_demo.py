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
from billing.models import Invoice, InvoiceStatus
from billing.operations import cancel_invoice, change_billing_settings, mark_paid
from network.models import COA_PORT, Nas, NasKind
from network.operations import add_nas
from plans.models import Level, LevelName, Plan, ServiceGroup
from plans.operations import create_plan
from resellers.models import Reseller
from resellers.operations import (
    create_reseller,
    create_service_group,
    set_retail_price,
    suspend_reseller,
    transfer_to_reseller,
)
from subscribers.models import Status, Subscriber
from subscribers.operations import (
    add_subscriber,
    change_plan,
    due_resellers,
    edit_subscriber,
    record_usage,
    renew_due,
    renew_subscriber,
    suspend_subscriber,
)
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
#: The plan with a quota: fair use, and data packs by megabytes.
FAIR_USE = {"fup_threshold_mb": 80_000, "throttled_download_kbps": 2_000, "throttled_upload_kbps": 512}
PACKS = {10_000: Decimal("1.00"), 50_000: Decimal("4.00")}
#: The service group besides the one that keeps every plan: what it is for, and how many of the plans above it holds.
HOMES = ("Homes", "Without the lines for businesses.", 4)


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
    level: str = LevelName.BRONZE
    #: Whether it sells what is for homes alone.
    only_homes: bool = False
    #: What it asks for plans, where that is not their own price.
    asks: tuple[tuple[str, str], ...] = ()


PARTNERS = (
    Partner("baraka", "Baraka Link", "Yusuf Haddad", "+961 3 555 014", "Sidon", 14, (900, 600), level=LevelName.GOLD),
    Partner(
        "alnoor",
        "Al-Noor Net",
        "Samira Khalil",
        "+961 70 555 182",
        "Tyre",
        15,
        (450,),
        credit_limit=500,
        level=LevelName.SILVER,
        asks=(("Home 25", "17.50"), ("Home 50", "28.00")),
    ),
    Partner(
        "almafibra", "Alma Fibra", "Lucía Ferrer", "+34 600 555 271", "Alicante", 12, (1200,), level=LevelName.GOLD
    ),
    Partner("kiyi", "Kıyı Telekom", "Deniz Arslan", "+90 530 555 0316", "İzmir", 11, (800, 450)),
    Partner(
        "deltawifi",
        "Delta WiFi",
        "Rana Aziz",
        "+961 76 555 904",
        "Nabatieh",
        6,
        (400,),
        parent="baraka",
        only_homes=True,
    ),
    Partner("nilsat", "Nil Sat", "Karim Fahmy", "+20 100 555 4477", "Luxor", 4, (250,), parent="baraka"),
    Partner("horizonte", "Horizonte Net", "Inês Duarte", "+351 910 555 083", "Faro", 0, ()),
)
#: Access servers, at addresses that are nobody's (RFC 5737).
SERVERS = (("tower-sidon", "192.0.2.11"), ("tower-izmir", "192.0.2.12"))
#: Who issues the invoices.
COMPANY: dict[str, Any] = {
    "company_name": "Cedar Broadband",
    "company_address": "18 Harbour Street\nBeirut 2011",
    "tax_line": "VAT LB 601 233",
}
#: Invoices younger than so many days are not paid yet, nor is every so-manieth of the older ones; one is cancelled.
UNPAID_DAYS, STILL_OWED, CANCELLED = 12, 9, 4
PAID_BY = ("Cash", "Cash", "Bank transfer")
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
        change_billing_settings(actor=self.actor, now=self.days_ago(DAYS + 3), **COMPANY)
        for plan in PLANS:
            self.add_plan(*plan)
        self.add_homes(*HOMES)
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
        self.run_the_lines()
        self.settle_invoices()
        self.suspend("nilsat", "Two settlements are overdue")

    def days_ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def at(self, when: datetime, happen: Callable[[datetime], None]) -> None:
        heapq.heappush(self.agenda, (when, next(self.number), happen))

    def add_plan(
        self, name: str, price: str, duration: int, download_kbps: int, upload_kbps: int, quota_mb: int | None
    ) -> None:
        extras: Any = {**FAIR_USE, "data_packs": PACKS} if quota_mb else {}
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
            **extras,
        )
        self.plans.append(plan)

    def add_homes(self, name: str, sentence: str, count: int) -> None:
        """Add the service group of those who sell no more than so many of the plans."""
        plans = self.plans[:count]
        self.homes = create_service_group(
            actor=self.actor, name=name, sentence=sentence, plans=plans, now=self.days_ago(DAYS + 3)
        )

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
            level=Level.objects.get(name=partner.level),
            service_groups=self.groups_of(partner),
            now=self.days_ago(DAYS + 2),
        )
        prices = dict(partner.asks)
        for plan in (plan for plan in self.plans if plan.name in prices):
            set_retail_price(
                actor=Seat.own(self.resellers[partner.username].user),
                plan_id=plan.pk,
                price=Decimal(prices[plan.name]),
                now=self.days_ago(DAYS + 1),
            )

    def groups_of(self, partner: Partner) -> list[ServiceGroup]:
        """Return the service groups of the partner; one with subs has what each of them has."""
        if partner.only_homes:
            return [self.homes]
        every = ServiceGroup.objects.get(holds_every_plan=True)
        has_such_subs = any(each.parent == partner.username and each.only_homes for each in PARTNERS)
        return [every, self.homes] if has_such_subs else [every]

    def run_the_lines(self) -> None:
        """Put the lines on access servers, and let them use data, fail, change their plan and be suspended."""
        servers = [self.add_nas(*server) for server in SERVERS]
        lines = list(Subscriber.objects.select_related("reseller__user", "plan").order_by("pk"))
        for number, line in enumerate(lines):
            owner = Seat.own(line.reseller.user)
            edit_subscriber(
                actor=owner,
                subscriber_id=line.pk,
                nas=servers[line.reseller_id % len(servers)],
                auto_renew=number % 3 == 0,
                now=self.now,
            )
        used = {line.username: self.random.randrange(500, 90_000) for line in lines}
        record_usage(used=used, now=self.now)
        running = [line for line in lines if line.status_at(self.now) == Status.ACTIVE]
        for line in running[:2]:
            suspend_subscriber(
                actor=Seat.own(line.reseller.user), subscriber_id=line.pk, reason="Asked for it", now=self.now
            )
        for line in running[2:]:
            if line.plan != self.plans[0] and line.reseller.wallet.available > 0:
                change_plan(actor=Seat.own(line.reseller.user), subscriber_id=line.pk, plan=self.plans[0], now=self.now)
                break
        for reseller_id in due_resellers(self.now):
            renew_due(reseller_id=reseller_id, now=self.now)

    def settle_invoices(self) -> None:
        """Mark the older invoices as paid, all but a few, and cancel one; the latest are still to be paid."""
        older = Invoice.objects.filter(
            status=InvoiceStatus.PENDING, credited=0, issued_at__lt=self.days_ago(UNPAID_DAYS)
        )
        for number, invoice in enumerate(older.select_related("reseller__user").order_by("pk")):
            seat, when = Seat.own(invoice.reseller.user), min(invoice.issued_at + timedelta(days=3), self.now)
            if number == CANCELLED:
                cancel_invoice(actor=seat, invoice_id=invoice.pk, reason="Given for the move", now=when)
            elif number % STILL_OWED:
                mark_paid(actor=seat, invoice_id=invoice.pk, note=PAID_BY[number % len(PAID_BY)], now=when)

    def add_nas(self, name: str, address: str) -> Nas:
        return add_nas(
            actor=self.actor,
            name=name,
            address=address,
            kind=NasKind.MIKROTIK,
            coa_port=COA_PORT,
            probe_port=443,
            note="",
            secret=secrets.token_urlsafe(12),
            now=self.days_ago(DAYS + 3),
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
        wanted = self.random.choice(self.plans[: HOMES[2]] if partner.only_homes else self.plans)

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
