"""Links: addresses at which a subscriber reads one invoice without signing in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from billing.models import Invoice, InvoiceLink
from billing.operations.marking import locked
from ispanel.doors import address_of
from ispanel.refusals import Forbidden

#: Where a link leads to, at the door of the invoice's reseller.
LINK_PATH = "/i/{token}"
#: Of a token: 43 letters, digits, - and _ in the address.
TOKEN_BYTES = 32
#: Rows in one statement.
INSERTED_AT_ONCE = 1_000


@transaction.atomic
def make_link(*, actor: Seat, invoice: Invoice, now: datetime) -> str:
    """Return the absolute address of a new link, which is shown this once: of its token the digest alone is kept.

    Whatever became of the invoice, the link shows it until it is revoked.

    :raises Forbidden:
    """
    if not actor.has("invoices.edit") or not Invoice.objects.actable_by(actor).filter(pk=invoice.pk).exists():
        raise Forbidden
    [address] = new_links([invoice], made_by=actor.identity.spoken, now=now)
    audit.record(actor=actor, action=Action.INVOICE_LINK_MADE, obj=invoice, reseller_id=invoice.reseller_id, now=now)
    return address


def new_links(invoices: Sequence[Invoice], *, made_by: str = "", now: datetime) -> list[str]:
    """Keep a new link to each invoice, and return their addresses, in the caller's transaction.

    :param made_by: blank is the system, for a message.
    """
    tokens = [secrets.token_urlsafe(TOKEN_BYTES) for _invoice in invoices]
    InvoiceLink.objects.bulk_create(
        (
            InvoiceLink(invoice=invoice, token_digest=digest_of(token), created_at=now, created_by=made_by[:254])
            for invoice, token in zip(invoices, tokens, strict=True)
        ),
        batch_size=INSERTED_AT_ONCE,
    )
    resellers = {invoice.reseller_id: invoice.reseller for invoice in invoices}
    doors = {pk: address_of("", reseller) for pk, reseller in resellers.items()}
    return [
        doors[invoice.reseller_id] + LINK_PATH.format(token=token)
        for invoice, token in zip(invoices, tokens, strict=True)
    ]


def digest_of(token: str) -> str:
    """Return what is kept of a link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def revoke_links(*, actor: Seat, invoice_id: int, now: datetime) -> int:
    """Let none of the links to an invoice that there are show it any more; return how many did until now.

    :raises Forbidden:
    """
    invoice = locked(actor, invoice_id)
    revoked = InvoiceLink.objects.filter(invoice=invoice, revoked_at__isnull=True).update(revoked_at=now)
    if revoked:
        audit.record(
            actor=actor,
            action=Action.INVOICE_LINKS_REVOKED,
            obj=invoice,
            reseller_id=invoice.reseller_id,
            changes={"links": (revoked, 0)},
            now=now,
        )
    return revoked


def opened(token: str, now: datetime) -> Invoice | None:
    """Return the invoice that a link shows, and note when it was first opened; None for what is no link any more."""
    link = InvoiceLink.objects.filter(token_digest=digest_of(token), revoked_at__isnull=True).first()
    if link is None:
        return None
    if link.opened_at is None:
        InvoiceLink.objects.filter(pk=link.pk, opened_at__isnull=True).update(opened_at=now)
    return Invoice.objects.select_related("reseller", "issuer", "issuer_logo").get(pk=link.invoice_id)
