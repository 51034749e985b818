"""All that is sold to a few lines, changed, moved and taken back, in any order: revenue is what the papers come to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from accounts.models import User
from billing.models import Invoice, InvoiceStatus
from billing.operations import cancel_invoice, mark_paid
from billing.verifying import CHECKS as PAPERS
from ispanel.installation import currency
from ispanel.refusals import Refusal
from plans.models import DataPack
from resellers.models import RetailPrice
from subscribers.models import Renewal, Status, Subscriber
from subscribers.operations import (
    change_plan,
    change_plan_of_many,
    move_subscribers,
    refund_charge,
    renew_due,
    renew_subscriber,
    sell_data,
    set_subscriber_price,
)
from subscribers.verifying import CHECKS as PERIODS
from tests.billing.papers import resellers_issue
from tests.cast import NOW, fund, group, make_plan, make_reseller, new_key, seat_of
from tests.subscribers.lines import add
from wallet.verifying import findings_of

#: The first one mostly: much has to happen to one line.
LINES = st.sampled_from([0, 0, 0, 1])
PLANS = st.lists(st.integers(0, 6), min_size=1, max_size=3)
JUMPS = st.sampled_from([timedelta(seconds=1), timedelta(hours=7), timedelta(days=5, seconds=17), timedelta(days=31)])
RETAIL = st.none() | st.sampled_from([Decimal(0), Decimal(1), Decimal("13.37"), Decimal(77)])

#: By line and seller: what was sold at retail and not refunded, and what the invoices for it come to less their credit
#: notes. Where an invoice was cancelled nobody owes what was sold.
REVENUE_AND_PAPERS = """
    SELECT subscriber_id, reseller_id, coalesce(sold, 0) AS sold, coalesce(asked, 0) - coalesce(credited, 0) AS billed
    FROM (
        SELECT subscriber_id, reseller_id, sum(retail_price) FILTER (WHERE refunded_at IS NULL) AS sold
        FROM renewals GROUP BY subscriber_id, reseller_id
    ) sales
    LEFT JOIN (
        SELECT subscriber_id, reseller_id, sum(amount) AS asked, bool_or(status = 'cancelled') AS is_cancelled
        FROM invoices GROUP BY subscriber_id, reseller_id
    ) bills USING (subscriber_id, reseller_id)
    LEFT JOIN (
        SELECT invoice.subscriber_id, invoice.reseller_id, sum(note.amount) AS credited
        FROM credit_notes note JOIN invoices invoice ON invoice.id = note.invoice_id
        GROUP BY invoice.subscriber_id, invoice.reseller_id
    ) notes USING (subscriber_id, reseller_id)
    WHERE is_cancelled IS NOT TRUE
"""


class Sales(RuleBasedStateMachine):
    """Two lines of three resellers. What is refused changes nothing; after every act revenue and papers agree."""

    asha: User

    def __init__(self) -> None:
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.now = NOW
        one = make_reseller(self.asha, "salesa", "Sales A")
        other = make_reseller(self.asha, "salesb", "Sales B")
        sub = make_reseller(self.asha, "salesc", "Sales C", parent=one, permission_group=group("SALES"))
        self.resellers = [one, other, sub]
        for reseller in self.resellers:
            fund(reseller.wallet, "100000", actor=self.asha)
        # What is dearer asks now less and now more of the subscriber: a change may cost the one and credit the other.
        asked = {"0": "50", "10": "60", "20.01": "40", "30": "20", "40": "80", "50": "99.99"}
        self.plans = [make_plan(f"Sales {price}", price) for price in asked]
        for plan in self.plans:
            RetailPrice.objects.create(reseller=one, plan=plan, price=Decimal(asked[str(plan.price)]))
        self.plans.append(make_plan("Sales week", "7", duration=7, quota_mb=1000))
        self.packs = {
            plan.pk: DataPack.objects.create(plan=plan, megabytes=500, price=plan.price) for plan in self.plans
        }
        self.lines = [
            add(self.asha, seller, plan, f"sales{number}", auto_renew=bool(number))
            for number, (seller, plan) in enumerate([(one, self.plans[1]), (other, self.plans[6])])
        ]

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.outer.__exit__(None, None, None)

    def do(self, act: Callable[..., Any], **wanted: Any) -> None:
        """Do the act as the admin, or be refused."""
        try:
            with transaction.atomic():
                act(actor=seat_of(self.asha), now=self.now, **wanted)
        except Refusal:
            pass

    def line(self, number: int) -> Subscriber:
        return Subscriber.objects.get(pk=self.lines[number].pk)

    # --- what is sold -------------------------------------------------------------------------------------------------

    @rule(line=LINES, data=st.sampled_from([False, False, True]))
    def sell(self, line: int, data: bool) -> None:
        subscriber = self.line(line)
        if data:
            self.do(sell_data, subscriber_id=subscriber.pk, pack=self.packs[subscriber.plan_id])
        else:
            self.do(renew_subscriber, subscriber_id=subscriber.pk)

    @rule(line=LINES, plans=PLANS, both=st.sampled_from([False, False, True]))
    def change(self, line: int, plans: list[int], both: bool) -> None:
        ids = [each.pk for each in self.lines]
        subscriber = self.line(line)
        if subscriber.status_at(self.now) == Status.EXPIRED:
            self.do(renew_subscriber, subscriber_id=subscriber.pk)
        for number in plans:
            if both:
                key = new_key("change_plan_of_many")
                self.do(change_plan_of_many, subscriber_ids=ids, plan=self.plans[number], key=key)
            else:
                self.do(change_plan, subscriber_id=subscriber.pk, plan=self.plans[number])

    # --- what is taken back -------------------------------------------------------------------------------------------

    @rule(line=LINES, wanted=st.sampled_from([slice(-1, None), slice(None, None, -1), slice(None)]))
    def refund(self, line: int, wanted: slice) -> None:
        """Refund the latest, or all that may be, backwards or from the first one on."""
        sold = Renewal.objects.filter(subscriber=self.line(line), refunded_at__isnull=True).order_by("pk")
        for period in list(sold)[wanted]:
            self.do(refund_charge, renewal_id=period.pk, reason="x")

    # Once one is cancelled, nothing is held against the line's revenue any more: that comes seldom.
    @rule(act=st.sampled_from([mark_paid] * 7 + [cancel_invoice]))
    def close_an_invoice(self, act: Callable[..., Any]) -> None:
        reason = {"reason": "x"} if act is cancel_invoice else {}
        for invoice in Invoice.objects.filter(status=InvoiceStatus.PENDING).order_by("-pk")[:1]:
            self.do(act, invoice_id=invoice.pk, **reason)

    # --- what surrounds it --------------------------------------------------------------------------------------------

    @rule(jump=JUMPS, due_are_renewed=st.booleans())
    def let_time_pass(self, jump: timedelta, due_are_renewed: bool) -> None:
        self.now += jump
        for reseller in self.resellers if due_are_renewed else ():
            renew_due(reseller_id=reseller.pk, now=self.now)
        self.prove()

    @rule(line=LINES, to=st.none() | st.integers(0, 2), price=RETAIL, used=st.sampled_from([0, 500, 1500]))
    def move_or_ask_another_price(self, line: int, to: int | None, price: Decimal | None, used: int) -> None:
        subscriber = self.line(line)
        if to is not None:
            self.do(move_subscribers, subscriber_ids=[subscriber.pk], to=self.resellers[to])
            return
        self.do(set_subscriber_price, subscriber_id=subscriber.pk, retail_price=price)
        Renewal.objects.running_at(self.now).filter(subscriber=subscriber).periods().update(used_mb=used)
        resellers_issue(bool(used))

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def revenue_is_what_the_invoices_come_to_less_their_credit_notes(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(REVENUE_AND_PAPERS)
            wrong = [f"line {row[0]} of {row[1]}: {row[2]}, {row[3]}" for row in cursor.fetchall() if row[2] != row[3]]
        assert not wrong, wrong

    def prove(self) -> None:
        """Let the prover look, which takes as long as ten acts."""
        money = currency()
        wrong = [found for check in (*PERIODS, *PAPERS) for found in findings_of(check, money, most=10)[1]]
        assert not wrong, wrong
