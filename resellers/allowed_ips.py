"""The list of addresses from where a reseller signs in: whom it lets in, and whom it would lock out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.allow_list import admits, matching_entry
from accounts.models import KnownAddress, Session, User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Refusal
from resellers.models import Reseller


class ShutsOutLastSeen(Refusal):
    """The allowed IPs would shut out the address from where somebody of the reseller was last seen."""

    field = "may_shut_out"

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(
            _("The allowed IPs shut out %(address)s, from where this reseller was last seen. They could not sign in.")
            % {"address": address}
        )


def check_last_seen_is_admitted(reseller: Reseller, listed: str) -> None:
    """:raises ShutsOutLastSeen: An empty list is open, and nobody is shut out who never signed in."""
    address = last_seen_address(reseller)
    if listed and address and not admits(listed, address):
        raise ShutsOutLastSeen(address)


def last_seen_address(reseller: Reseller) -> str | None:
    """Return from where one of the reseller's logins was last seen, as far as anything remembers."""
    seen = sorted((at, address) for at, address in addresses_seen(reseller) if at and address)
    return seen[-1][1] if seen else None


def addresses_seen(reseller: Reseller) -> Iterator[tuple[datetime | None, str | None]]:
    """Yield the latest address that each kind of record has: sign-ins, known addresses and the trail."""
    logins = list(User.objects.filter(reseller=reseller).values_list("pk", flat=True))
    sign_ins = Session.objects.filter(user__in=logins, address__isnull=False, last_seen_at__isnull=False)
    known = KnownAddress.objects.filter(user__in=logins)
    trail = AuditEntry.objects.filter(actor_id__in=logins, action=Action.SIGNED_IN, address__isnull=False)
    yield from sign_ins.order_by("-last_seen_at").values_list("last_seen_at", "address")[:1]
    yield from known.order_by("-last_used_at").values_list("last_used_at", "address")[:1]
    yield from trail.order_by("-id").values_list("at", "address")[:1]


@dataclass(frozen=True)
class Verdict:
    """What one list says of an address; an empty list lets everybody in."""

    reseller: Reseller
    is_open: bool
    entry: str

    @property
    def lets_in(self) -> bool:
        return self.is_open or bool(self.entry)


def verdicts_on(reseller: Reseller, address: str) -> list[Verdict]:
    """Return what the reseller's own list, and that of its parent, say of the address: all have to let it in."""
    lists = [reseller, *([reseller.parent] if reseller.parent else [])]
    return [Verdict(holder, not holder.allowed_ips, matching_entry(holder.allowed_ips, address)) for holder in lists]
