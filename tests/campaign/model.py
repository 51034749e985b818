"""Every act of money, in any order and over years, beside a plain Python model that is told the same."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts.models import User
from ispanel.refusals import Refusal
from plans.models import Plan
from resellers import operations as resellers
from resellers.models import Reseller
from resellers.operations import ResellerDeleted, StillInUse
from subscribers.models import Renewal, Subscriber
from subscribers.operations import (
    LaterPeriod,
    NothingToRefund,
    PaidTooFarAhead,
    add_subscriber,
    refund_charge,
    renew_subscriber,
)
from tests.campaign import books
from tests.campaign.findings import Outcome
from tests.campaign.sales import Sales
from tests.cast import NOW, PASSWORD, group, make_plan, make_reseller, new_key, seat_of
from tests.subscribers.lines import LINE_PASSWORD
from wallet.ledger import ActKey, AlreadyUndone, FormAlreadyUsed, InsufficientFunds, WalletClosed
from wallet.models import Transfer
from wallet.operations import reverse_transfer

AMOUNTS = st.decimals(min_value="0.01", max_value=300, places=2)
LIMITS = st.decimals(min_value=0, max_value=200, places=2)
NUMBERS = st.integers(0, 99)
JUMPS = st.sampled_from(
    [timedelta(seconds=1), timedelta(days=1), timedelta(days=29, hours=23), timedelta(days=30), timedelta(days=400)]
)
FURTHEST_AHEAD = timedelta(days=3653)
#: More of them add time and nothing new.
MOST_RESELLERS, MOST_SUBSCRIBERS = 6, 6

#: What every wallet holds, what its entries add up to, and its limit.
WALLETS = f"""
    SELECT account.id, balance, credit_limit, closed_at IS NOT NULL, coalesce(sum({books.SIGNED}), 0)
    FROM ledger_accounts account LEFT JOIN entries ON account_id = account.id
    WHERE kind = 'wallet' GROUP BY account.id
"""
HOUSE = f"""
    SELECT kind, coalesce(sum({books.SIGNED}), 0)
    FROM ledger_accounts account LEFT JOIN entries ON account_id = account.id WHERE kind <> 'wallet' GROUP BY kind
"""


@dataclass
class Wallet:
    """A reseller as plain numbers."""

    row: Reseller
    parent: Wallet | None = None
    balance: Decimal = Decimal(0)
    limit: Decimal = Decimal(0)
    is_suspended: bool = False
    is_deleted: bool = False

    @property
    def movable(self) -> Decimal:
        return max(self.balance, Decimal(0))


@dataclass
class Line:
    """A subscriber as plain values."""

    row: Subscriber
    payer: Wallet
    plan: Plan
    expires_at: datetime | None = None


@dataclass
class Moved:
    """A transfer that was made by hand; None is the platform."""

    transfer: int
    here: Wallet | None
    there: Wallet | None
    amount: Decimal
    is_undone: bool = False


@dataclass
class Period:
    """A period that was bought."""

    renewal: Renewal
    line: Line
    is_refunded: bool = False


@dataclass(frozen=True)
class Sent:
    """A form that was carried out, to be sent again."""

    act: Callable[..., Any]
    actor: User
    wanted: dict[str, Any] = field(hash=False)
    key: ActKey
    result: int


class Panel(RuleBasedStateMachine):
    """The operations beside the model. Each rule says what the model expects, does the act, and compares."""

    asha: User

    def __init__(self) -> None:
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.now = NOW
        one = Wallet(make_reseller(self.asha, "modela", "Model A"))
        other = Wallet(make_reseller(self.asha, "modelb", "Model B"))
        sub = make_reseller(self.asha, "modelc", "Model C", parent=one.row, permission_group=group("SALES"))
        self.wallets = [one, other, Wallet(sub, parent=one)]
        self.lines: list[Line] = []
        self.plans = [
            make_plan("Model 30", "25.00"),
            make_plan("Model day", "0.01", duration=1),
            make_plan("Model free", "0"),
            make_plan("Model years", "99.99", duration=3000),
        ]
        self.sent: list[Sent] = []
        self.moved: list[Moved] = []
        self.periods: list[Period] = []
        self.platform = self.income = Decimal(0)
        self.transfers = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.outer.__exit__(None, None, None)

    # --- how an act is done -------------------------------------------------------------------------------------------

    def do(
        self, act: Callable[..., Any], actor: User, refusal: type[Refusal] | None, *, keyed: bool = True, **wanted: Any
    ) -> Any:
        """Do the act, and check that it is refused exactly where the model says so; return what it returned."""
        key = new_key(act.__name__, **{name: value for name, value in wanted.items() if name != "password"})
        arguments = wanted | ({"key": key} if keyed else {})
        try:
            with transaction.atomic():
                result = act(actor=seat_of(actor), now=self.now, **arguments)
        except Refusal as refused:
            if type(refused) is not refusal:
                raise AssertionError(f"{act.__name__} was refused; the model expected {refusal}") from refused
            return None
        assert refusal is None, f"{act.__name__} was done; the model expected {refusal}"
        if keyed:
            self.sent.append(Sent(act, actor, wanted, key, result.pk))
        return result

    def wallet(self, number: int) -> Wallet:
        return self.wallets[number % len(self.wallets)]

    def charge(self, wallet: Wallet, price: Decimal) -> None:
        wallet.balance -= price
        self.income += price
        self.transfers += bool(price)

    @staticmethod
    def affords(wallet: Wallet, price: Decimal) -> bool:
        return price == 0 or wallet.balance - price >= -wallet.limit

    # --- money moved by hand ------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.wallets) < MOST_RESELLERS)
    @rule(parent=st.none() | st.just(0), balance=st.just(Decimal(0)) | AMOUNTS, limit=LIMITS)
    def create(self, parent: int | None, balance: Decimal, limit: Decimal) -> None:
        above = None if parent is None or self.wallets[0].is_deleted else self.wallets[0]
        row = self.do(
            resellers.create_reseller,
            self.asha,
            None,
            username=f"model{len(self.wallets)}",
            password=PASSWORD,
            company_name=f"Model {len(self.wallets)}",
            parent=above and above.row,
            permission_group=group("SALES"),
            starting_balance=balance,
            credit_limit=limit,
        )
        self.wallets.append(Wallet(row, above, balance, limit))
        self.platform -= balance
        self.transfers += bool(balance)
        if balance:
            self.moved.append(Moved(Transfer.objects.latest("pk").pk, None, self.wallets[-1], balance))

    @rule(number=NUMBERS, amount=AMOUNTS)
    def fund(self, number: int, amount: Decimal) -> None:
        to = self.wallet(number)
        refusal = ResellerDeleted if to.is_deleted else None
        wanted = {"reseller_id": to.row.pk, "amount": amount, "note": ""}
        if transfer := self.do(resellers.transfer_to_reseller, self.asha, refusal, **wanted):
            self.moved.append(Moved(transfer.pk, None, to, amount))
            to.balance += amount
            self.platform -= amount
            self.transfers += 1

    @rule(number=NUMBERS, amount=AMOUNTS)
    def withdraw(self, number: int, amount: Decimal) -> None:
        of = self.wallet(number)
        refusal = ResellerDeleted if of.is_deleted else InsufficientFunds if amount > of.movable else None
        wanted = {"reseller_id": of.row.pk, "amount": amount, "note": ""}
        if transfer := self.do(resellers.withdraw_from_reseller, self.asha, refusal, **wanted):
            self.moved.append(Moved(transfer.pk, of, None, amount))
            of.balance -= amount
            self.platform += amount
            self.transfers += 1

    @rule(number=NUMBERS, amount=AMOUNTS, back=st.booleans())
    def move_between_parent_and_sub(self, number: int, amount: Decimal, back: bool) -> None:
        subs = [each for each in self.wallets if each.parent and not each.is_deleted and not each.parent.is_deleted]
        if not subs:
            return
        sub = subs[number % len(subs)]
        assert sub.parent
        here, there = (sub, sub.parent) if back else (sub.parent, sub)
        act = resellers.withdraw_from_reseller if back else resellers.transfer_to_reseller
        refusal = InsufficientFunds if amount > here.movable else None
        wanted = {"reseller_id": sub.row.pk, "amount": amount, "note": "x"}
        if transfer := self.do(act, sub.parent.row.user, refusal, **wanted):
            self.moved.append(Moved(transfer.pk, here, there, amount))
            here.balance -= amount
            there.balance += amount
            self.transfers += 1

    # --- subscribers --------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.lines) < MOST_SUBSCRIBERS)
    @rule(number=NUMBERS, plan=NUMBERS, activate=st.booleans())
    def add_a_subscriber(self, number: int, plan: int, activate: bool) -> None:
        payer, sold = self.wallet(number), self.plans[plan % len(self.plans)]
        price = sold.price if activate else Decimal(0)
        refusal = ResellerDeleted if payer.is_deleted else None if self.affords(payer, price) else InsufficientFunds
        row = self.do(
            add_subscriber,
            self.asha,
            refusal,
            reseller=payer.row,
            plan=sold,
            username=f"line{len(self.lines)}",
            password=LINE_PASSWORD,
            activate=activate,
        )
        if row:
            line = Line(row, payer, sold)
            self.lines.append(line)
            if activate:
                self.charge(payer, price)
                line.expires_at = sold.end_of_period(self.now)
                self.periods.append(Period(Renewal.objects.get(subscriber=row), line))

    @precondition(lambda self: self.lines)
    @rule(number=NUMBERS, by_payer=st.booleans())
    def renew(self, number: int, by_payer: bool) -> None:
        line = self.lines[number % len(self.lines)]
        refusal: type[Refusal] | None = None if self.affords(line.payer, line.plan.price) else InsufficientFunds
        if line.expires_at and line.expires_at > self.now + FURTHEST_AHEAD:
            refusal = PaidTooFarAhead
        actor = line.payer.row.user if by_payer else self.asha
        if renewal := self.do(renew_subscriber, actor, refusal, subscriber_id=line.row.pk):
            self.periods.append(Period(renewal, line))
            self.charge(line.payer, line.plan.price)
            line.expires_at = line.plan.end_of_period(max(self.now, line.expires_at or self.now))

    # --- taking back --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.moved)
    @rule(number=NUMBERS)
    def reverse(self, number: int) -> None:
        moved = self.moved[number % len(self.moved)]
        refusal: type[Refusal] | None = None
        if moved.there and moved.amount > moved.there.movable:
            refusal = InsufficientFunds
        if any(side and side.is_deleted for side in (moved.here, moved.there)):
            refusal = WalletClosed
        if moved.is_undone:
            refusal = AlreadyUndone
        if self.do(reverse_transfer, self.asha, refusal, transfer_id=moved.transfer, reason="x"):
            moved.is_undone = True
            self.transfers += 1
            for side, amount in ((moved.here, moved.amount), (moved.there, -moved.amount)):
                if side:
                    side.balance += amount
                else:
                    self.platform += amount

    @precondition(lambda self: self.periods)
    @rule(number=NUMBERS)
    def refund(self, number: int) -> None:
        period = self.periods[number % len(self.periods)]
        line, renewal = period.line, period.renewal
        refusal: type[Refusal] | None = None
        if any(
            each.line is line and not each.is_refunded and each.renewal.starts_at >= renewal.ends_at
            for each in self.periods
        ):
            refusal = LaterPeriod
        if period.is_refunded:
            refusal = AlreadyUndone
        if not renewal.price:
            refusal = NothingToRefund
        if self.do(refund_charge, self.asha, refusal, renewal_id=renewal.pk, reason="x"):
            period.is_refunded = True
            self.charge(line.payer, -renewal.price)
            assert line.expires_at
            line.expires_at = min(line.expires_at, max(renewal.starts_at, self.now))

    # --- what surrounds money -----------------------------------------------------------------------------------------

    @rule(number=NUMBERS, limit=LIMITS)
    def change_the_credit_limit(self, number: int, limit: Decimal) -> None:
        wallet = self.wallet(number)
        refusal = ResellerDeleted if wallet.is_deleted else None
        if self.do(
            resellers.edit_reseller, self.asha, refusal, keyed=False, reseller_id=wallet.row.pk, credit_limit=limit
        ):
            wallet.limit = limit

    @rule(number=NUMBERS)
    def suspend_or_resume(self, number: int) -> None:
        wallet = self.wallet(number)
        if wallet.is_deleted:
            return
        if wallet.is_suspended:
            self.do(resellers.resume_reseller, self.asha, None, keyed=False, reseller_id=wallet.row.pk)
        else:
            self.do(resellers.suspend_reseller, self.asha, None, keyed=False, reseller_id=wallet.row.pk, reason="x")
        wallet.is_suspended = not wallet.is_suspended

    @rule(number=NUMBERS)
    def delete_or_restore(self, number: int) -> None:
        wallet = self.wallet(number)
        if wallet.is_deleted:
            if wallet.parent and wallet.parent.is_deleted:
                return
            self.do(resellers.restore_reseller, self.asha, None, keyed=False, reseller_id=wallet.row.pk)
            wallet.is_deleted = False
            return
        in_use = bool(
            wallet.balance
            or any(line.payer is wallet for line in self.lines)
            or any(each.parent is wallet and not each.is_deleted for each in self.wallets)
        )
        refusal = StillInUse if in_use else None
        if self.do(resellers.delete_reseller, self.asha, refusal, keyed=False, reseller_id=wallet.row.pk):
            wallet.is_deleted = True

    @rule(jump=JUMPS)
    def let_time_pass(self, jump: timedelta) -> None:
        self.now += jump

    @precondition(lambda self: self.sent)
    @rule(number=NUMBERS)
    def send_a_form_again(self, number: int) -> None:
        sent = self.sent[number % len(self.sent)]
        if self.is_deleted(sent):
            return
        again = sent.act(actor=seat_of(sent.actor), now=self.now, key=sent.key, **sent.wanted)
        assert again.pk == sent.result

    @precondition(lambda self: self.sent)
    @rule(number=NUMBERS)
    def send_a_form_with_other_contents(self, number: int) -> None:
        sent = self.sent[number % len(self.sent)]
        if self.is_deleted(sent):
            return
        other = replace(sent.key, contents={**sent.key.contents, "other": "contents"})
        try:
            with transaction.atomic():
                sent.act(actor=seat_of(sent.actor), now=self.now, key=other, **sent.wanted)
        except FormAlreadyUsed:
            return
        raise AssertionError(f"{sent.act.__name__} took a key with other contents")

    def is_deleted(self, sent: Sent) -> bool:
        """Say whether the act's reseller is deleted by now, which is said before the key is looked at."""
        if sent.act is reverse_transfer:
            return any(each.is_deleted for each in self.wallets)
        about = sent.wanted.get("reseller_id")
        return any(each.is_deleted and about == each.row.pk for each in self.wallets)

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def wallets_are_as_the_model_says_and_as_the_entries_add_up(self) -> None:
        expected = {
            each.row.wallet_id: (each.balance, each.limit, each.is_deleted, each.balance) for each in self.wallets
        }
        with connection.cursor() as cursor:
            cursor.execute(WALLETS)
            found = {row[0]: row[1:] for row in cursor.fetchall() if row[0] in expected}
        assert found == expected

    @invariant()
    def lines_are_paid_as_long_as_the_model_says(self) -> None:
        rows = dict(Subscriber.objects.values_list("pk", "expires_at"))
        assert {line.row.pk: rows[line.row.pk] for line in self.lines} == {
            line.row.pk: line.expires_at for line in self.lines
        }


class Alone(Panel):
    """The same with nothing else in the books, so that the house's money is looked at too."""

    @invariant()
    def the_house_has_what_the_wallets_gave(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(HOUSE)
            assert dict(cursor.fetchall()) == {"platform": self.platform, "income": self.income}
            cursor.execute("SELECT count(*) FROM transfers")
            assert cursor.fetchone() == (self.transfers,)
        assert sum(each.balance for each in self.wallets) + self.platform + self.income == 0


def run_model(
    *, admin: User, examples: int, steps: int, number: int | None = None, machine: type[Panel | Sales] = Alone
) -> None:
    """Let hypothesis look for an order of acts in which panel and model, or revenue and papers, differ.

    :param number: the seed; without one hypothesis draws its own, and tries what failed before first.
    """
    machine.asha = admin
    wanted = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **({"database": None} if number is not None else {}),
    )
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        seed(number)(machine) if number is not None else machine, settings=wanted
    )


def run_model_at_length(*, admin: User, number: int, orders: int, machine: type[Panel | Sales] = Panel) -> Outcome:
    """Let the machine meet many orders of acts, beside whatever is in the books."""
    what = "every act beside a plain Python model" if machine is Panel else "revenue beside invoices and credit notes"
    outcome, steps = Outcome(what), 60
    try:
        run_model(admin=admin, examples=orders, steps=steps, number=number, machine=machine)
    except Exception as problem:
        traceback.print_exc()  # with the shortest order of acts in which they differ
        outcome.findings.append(f"{type(problem).__name__}: {problem}")
    outcome.count(f"orders of up to {steps} acts", orders)
    return outcome
