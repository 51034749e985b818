"""Taking resellers on, changing what is known of them, and deleting them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import strawberry
from django import forms

from accounts.full_names import joined, last_name_to_keep
from accounts.operations import group_for_new_resellers
from api.inputs import act_key, amount, is_sent, or_none, text
from api.schema.access import Info, Needs
from api.schema.resellers import Reseller, ResellerLevelName, reseller_of, row_of
from api.schema.terms import level_named
from resellers import operations
from resellers.forms import ResellerCreateForm
from resellers.models import Reseller as ResellerRow

FIELDS = ResellerCreateForm.base_fields
#: The form's own may be left empty.
EMAIL = forms.EmailField(max_length=254)


@strawberry.input(
    description=(
        "What a new reseller is made of. Its username is the email, its company name the full name or the email."
    )
)
class ResellerCreate:
    email: str
    password: str
    credit: str | None = strawberry.field(
        default=strawberry.UNSET, description="The starting balance, transferred from the platform's account."
    )
    level: ResellerLevelName | None = strawberry.field(
        default=strawberry.UNSET, description="Fills in the permission group and the credit limit."
    )
    phone: str | None = strawberry.UNSET
    first_name: str | None = strawberry.UNSET
    last_name: str | None = strawberry.UNSET


@strawberry.input(description="What is changed of a reseller: what is left out stays, null empties it.")
class ResellerEdit:
    email: str | None = strawberry.UNSET
    phone: str | None = strawberry.UNSET
    first_name: str | None = strawberry.UNSET
    last_name: str | None = strawberry.UNSET


def name(value: Any, argument: str) -> str:
    """Return a part of a name."""
    cleaned: str = text(or_none(value), argument, FIELDS["full_name"])
    return cleaned


def starting_balance(value: str | None) -> Decimal:
    """Return the starting balance: 0 where none was sent."""
    return Decimal(0) if value is None else amount(value, allow_zero=True)


@strawberry.type
class OnboardingMutations:
    @strawberry.mutation(
        extensions=[Needs("admin")],
        description="Take a reseller on: its login, its wallet and its starting balance. It has no service group yet.",
    )
    def create_reseller(
        self, info: Info, reseller: ResellerCreate, idempotency_key: str | None = strawberry.UNSET
    ) -> Reseller:
        seat = info.context.seat
        level = level_named(reseller.level) if reseller.level else None
        first_name, last_name = name(reseller.first_name, "firstName"), name(reseller.last_name, "lastName")
        full_name = name(joined(first_name, last_name), "lastName")
        held = {
            "email": text(reseller.email, "email", EMAIL),
            "phone": text(or_none(reseller.phone), "phone", FIELDS["phone"]),
            "full_name": full_name,
            "last_name": last_name_to_keep(first_name, last_name),
            "starting_balance": starting_balance(or_none(reseller.credit)),
            "level": level,
        }
        created = operations.create_reseller(
            actor=seat,
            username=held["email"],
            password=text(reseller.password, "password", FIELDS["password"], code="WEAK_PASSWORD"),
            company_name=full_name or held["email"],
            permission_group=level.default_permission_group if level else group_for_new_resellers(),
            service_groups=[],
            key=act_key(seat, "create_reseller", or_none(idempotency_key), held),
            now=info.context.now,
            **held,
        )
        return reseller_of(ResellerRow.objects.all(), created.pk)

    @strawberry.mutation(
        extensions=[Needs("admin")],
        description="Change a reseller's contact and name. A username that is the email follows it.",
    )
    def edit_reseller(self, info: Info, id: int, reseller: ResellerEdit) -> Reseller:  # noqa: A002
        row = row_of(info, id)
        sent = {
            "email": (reseller.email, "email"),
            "phone": (reseller.phone, "phone"),
            "first_name": (reseller.first_name, "firstName"),
            "last_name": (reseller.last_name, "lastName"),
        }
        changes = {
            column: text(value, argument, FIELDS.get(column, FIELDS["full_name"]))
            for column, (value, argument) in sent.items()
            if is_sent(value)
        }
        operations.edit_reseller(actor=info.context.seat, reseller_id=row.pk, now=info.context.now, **changes)
        return reseller_of(ResellerRow.objects.all(), row.pk)

    @strawberry.mutation(
        extensions=[Needs("admin")],
        description="Delete a reseller that has no subscribers, no sub-resellers and nothing in its wallet.",
    )
    def delete_reseller(self, info: Info, id: int) -> Reseller:  # noqa: A002
        row = row_of(info, id)
        operations.delete_reseller(actor=info.context.seat, reseller_id=row.pk, now=info.context.now)
        return reseller_of(ResellerRow.objects.all(), row.pk)
