"""What is in the wallets, and moving money to and from them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Self

import strawberry
from django.db.models import Sum

from api.inputs import act_key, amount, or_none, text
from api.schema.access import Info, Needs, in_scope
from api.schema.resellers import Reseller, money, reseller_of, row_of
from resellers import operations
from resellers.models import Reseller as ResellerRow
from wallet.forms import TransferForm


@strawberry.type(description="What a reseller has, may owe, and may spend.")
class ResellerCredit:
    id: strawberry.ID = strawberry.field(description="The reseller's id.")
    username: str
    credit: str = strawberry.field(description="The balance of its wallet.")
    credit_limit: str = strawberry.field(description="How far below zero charges may take the balance.")
    available: str = strawberry.field(description="Balance and credit limit together.")

    @classmethod
    def of(cls, row: ResellerRow) -> Self:
        return cls(
            id=strawberry.ID(str(row.pk)),
            username=row.user.username,
            credit=money(row.wallet.balance),
            credit_limit=money(row.wallet.credit_limit),
            available=money(row.wallet.available),
        )


@strawberry.type
class CreditQueries:
    @strawberry.field(extensions=[Needs("transactions.view")], description="The wallets of all that the token reads.")
    def get_resellers_credits(self, info: Info) -> list[ResellerCredit]:
        rows = in_scope(info).select_related("user", "wallet").order_by("id")
        return [ResellerCredit.of(row) for row in rows]

    @strawberry.field(extensions=[Needs("transactions.view")], description="All these balances together.")
    def total_resellers_credit(self, info: Info) -> str:
        return money(in_scope(info).aggregate(total=Sum("wallet__balance", default=Decimal(0)))["total"])


@strawberry.type
class CreditMutations:
    @strawberry.mutation(
        extensions=[Needs("admin")],
        description=(
            "Transfer money from the platform's account to a reseller. "
            "Sent again with the same key, it moves money once."
        ),
    )
    def add_reseller_credit(
        self,
        info: Info,
        reseller_id: int,
        credit: str,
        note: str | None = strawberry.UNSET,
        idempotency_key: str | None = strawberry.UNSET,
    ) -> Reseller:
        return moved(info, operations.transfer_to_reseller, "transfer", reseller_id, credit, note, idempotency_key)

    @strawberry.mutation(
        extensions=[Needs("admin")],
        description="Withdraw money from a reseller's wallet, never below zero; the credit limit does not count.",
    )
    def deduct_reseller_credit(
        self,
        info: Info,
        reseller_id: int,
        credit: str,
        note: str | None = strawberry.UNSET,
        idempotency_key: str | None = strawberry.UNSET,
    ) -> Reseller:
        return moved(info, operations.withdraw_from_reseller, "withdrawal", reseller_id, credit, note, idempotency_key)


def moved(
    info: Info, move: Callable[..., Any], act: str, reseller_id: int, credit: str, note: Any, key: Any
) -> Reseller:
    """Move the money and return the reseller as it is then."""
    seat, row = info.context.seat, row_of(info, reseller_id)
    held = {
        "amount": amount(credit),
        "note": text(or_none(note), "note", TransferForm.base_fields["note"]),
    }
    move(
        actor=seat,
        reseller_id=row.pk,
        key=act_key(seat, act, or_none(key), {**held, "reseller": row.pk}),
        now=info.context.now,
        **held,
    )
    return reseller_of(ResellerRow.objects.all(), row.pk)
