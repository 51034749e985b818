"""The ledger does what arithmetic on plain numbers does, whatever is done to it and in whatever order."""

from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, Sum, When
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.models import User
from tests.cast import make_wallet, new_key
from tests.wallet.moves import charge, move
from wallet.ledger import ActKey, InsufficientFunds, platform_account
from wallet.models import Direction, Entry, LedgerAccount

WALLETS = st.integers(0, 2)
AMOUNTS = st.decimals(min_value="0.01", max_value=300, places=2)
SIGNED_OF_ACCOUNT = Case(
    When(entries__direction=Direction.CREDIT, then=F("entries__amount")), default=-F("entries__amount")
)
SIGNED = Case(When(direction=Direction.CREDIT, then=F("amount")), default=-F("amount"))


class Ledger(RuleBasedStateMachine):
    """Three wallets beside three pairs of balance and credit limit."""

    asha: User

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.wallets = [make_wallet(f"Wallet {number}", actor=self.asha) for number in range(3)]
        self.balances = [Decimal(0)] * 3
        self.limits = [Decimal(0)] * 3
        self.sent: list[tuple[ActKey, int, Decimal, int]] = []

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.savepoint)

    def is_done(self, act: Any, *arguments: Any) -> bool:
        """Say whether the act was done, or refused for want of money."""
        try:
            act(self.asha, *arguments)
        except InsufficientFunds:
            return False
        return True

    @rule(to=WALLETS, amount=AMOUNTS)
    def fund(self, to: int, amount: Decimal) -> None:
        key = new_key("transfer", to=to, amount=amount)
        posted = move(self.asha, platform_account(), self.wallets[to], amount, key=key)
        self.sent.append((key, to, amount, posted.transfer_id))
        self.balances[to] += amount

    @rule(data=st.data())
    def press_again(self, data: st.DataObject) -> None:
        if self.sent:
            key, to, amount, transfer_id = data.draw(st.sampled_from(self.sent))
            posted = move(self.asha, platform_account(), self.wallets[to], amount, key=key)
            assert (posted.transfer_id, posted.replayed) == (transfer_id, True)

    @rule(wallets=st.permutations(range(3)), amount=AMOUNTS)
    def transfer(self, wallets: list[int], amount: Decimal) -> None:
        here, there, _ = wallets
        enough = amount <= self.balances[here]
        assert self.is_done(move, self.wallets[here], self.wallets[there], amount) == enough
        if enough:
            self.balances[here] -= amount
            self.balances[there] += amount

    @rule(wallet=WALLETS, amount=AMOUNTS)
    def charge(self, wallet: int, amount: Decimal) -> None:
        enough = self.balances[wallet] - amount >= -self.limits[wallet]
        assert self.is_done(charge, self.wallets[wallet], amount) == enough
        if enough:
            self.balances[wallet] -= amount

    @rule(wallet=WALLETS, limit=AMOUNTS)
    def set_credit_limit(self, wallet: int, limit: Decimal) -> None:
        LedgerAccount.objects.filter(pk=self.wallets[wallet].pk).update(credit_limit=limit)
        self.limits[wallet] = limit

    @invariant()
    def balances_are_as_expected_and_what_the_entries_add_up_to(self) -> None:
        connection.check_constraints()
        kept = LedgerAccount.objects.filter(pk__in=[wallet.pk for wallet in self.wallets]).order_by("pk")
        summed = kept.annotate(sum=Sum(SIGNED_OF_ACCOUNT, default=Decimal(0)))
        assert [(row.balance, row.sum) for row in summed] == [(balance, balance) for balance in self.balances]

    @invariant()
    def no_money_appears_or_is_lost(self) -> None:
        assert Entry.objects.aggregate(sum=Sum(SIGNED, default=Decimal(0)))["sum"] == 0


def test_the_ledger_agrees_with_plain_arithmetic(asha: User) -> None:
    Ledger.asha = asha

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Ledger,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
