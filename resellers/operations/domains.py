"""The domain of a reseller's own: claimed, proved by a record in DNS, looked after, and released."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta
from time import monotonic

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import limits
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import SYSTEM, Actor
from audit.models import Grade
from ispanel.refusals import Forbidden, Refusal
from resellers.domains import PATIENCE, DnsSilent, domain_from, leads_here, txt_records
from resellers.models import CustomDomain, Reseller
from resellers.operations.branding import brandable, may_brand
from resellers.operations.rules import locked

log = logging.getLogger(__name__)

#: How often Check now asks for one reseller: whoever presses it waits for name servers, one press after the other.
CHECKED, CHECKED_WITHIN = 20, timedelta(minutes=15)
#: For so long the worker looks for the record of a claim; then only whoever presses Check now does.
LOOKED_FOR = timedelta(days=7)
#: How often it looks whether the record of a verified one is still there, and how long it may be gone.
LOOKED_AFTER_EVERY = timedelta(days=1)
MAY_BE_MISSING = timedelta(days=7)
#: For so long its name servers may say nothing at all: whoever bought a domain that lapsed may keep them silent.
MAY_BE_SILENT = timedelta(days=30)
#: What is shown of a record that says something else.
SHOWN_OF_RECORD = 80


class HasDomain(Refusal):
    """The reseller has a domain; another name is another claim."""

    field = "name"

    def __init__(self, domain: CustomDomain) -> None:
        super().__init__(_("Release %(name)s first: there is one domain at a time.") % {"name": domain})


class NoDomain(Refusal):
    """There is no domain, or not the same one any more."""

    def __init__(self) -> None:
        super().__init__(_("Somebody changed this domain meanwhile. Look at it as it is now."))


@transaction.atomic
def claim_domain(*, actor: Seat, reseller_id: int, name: str, now: datetime) -> CustomDomain:
    """Say which domain a reseller wants to have. A claim keeps nobody else from proving that it is theirs.

    :raises Forbidden: from a borrowed seat, and for those who may not change how the reseller looks.
    :raises BadDomain, HasDomain, BrandingNotAllowed, ResellerDeleted:
    """
    check_own_seat(actor)
    reseller = brandable(actor, reseller_id)
    name = domain_from(name)
    if held := CustomDomain.objects.filter(reseller=reseller).first():
        raise HasDomain(held)
    domain = CustomDomain.objects.create(
        reseller=reseller, name=name, challenge=secrets.token_hex(16), verified_at=None, created_at=now
    )
    record(actor, Action.DOMAIN_CLAIMED, reseller, old=None, new=name, now=now)
    return domain


def check_domain(*, actor: Seat, reseller_id: int, now: datetime) -> CustomDomain:
    """Look for the record that proves a reseller's domain; what was found stands in ``failure``, blank if it is there.

    :raises Forbidden: from a borrowed seat, and for those who may not change how the reseller looks.
    :raises NoDomain, BrandingNotAllowed, ResellerDeleted:
    :raises TooManyAttempts, AttemptUnderWay: the worker looks all the same.
    """
    check_own_seat(actor)
    with transaction.atomic():
        reseller = brandable(actor, reseller_id)
        domain = CustomDomain.objects.filter(reseller=reseller).first()
    if domain is None:
        raise NoDomain
    with limits.attempt(key=f"domain-check:{reseller_id}", most=CHECKED, within=CHECKED_WITHIN):
        return look_for_record(actor, domain, now)


@transaction.atomic
def release_domain(*, actor: Seat, reseller_id: int, now: datetime) -> Reseller:
    """Give a reseller's domain up: nothing stands there any more, and the next claim needs a new record.

    :raises Forbidden: from a borrowed seat, and for those who may not change how the reseller looks.
    :raises NoDomain:
    """
    check_own_seat(actor)
    if not may_brand(actor, reseller_id):
        raise Forbidden
    [reseller] = locked(reseller_id)
    if not release_with_reseller(actor=actor, reseller=reseller, now=now):
        raise NoDomain
    return reseller


def release_with_reseller(*, actor: Seat, reseller: Reseller, now: datetime) -> bool:
    """Release the domain of a reseller that is locked; say whether there was one."""
    domain = CustomDomain.objects.filter(reseller=reseller).first()
    if domain is None:
        return False
    domain.delete()
    record(actor, Action.DOMAIN_RELEASED, reseller, old=domain.name, new=None, now=now)
    return True


def look_after_domains(*, now: datetime) -> None:
    """Look for the records of new claims, and once a day whether those of verified domains are still there."""
    new = Q(verified_at__isnull=True, created_at__gt=now - LOOKED_FOR)
    old = Q(verified_at__isnull=False, checked_at__lte=now - LOOKED_AFTER_EVERY)
    for domain in CustomDomain.objects.allowed().filter(new | old).order_by("pk"):
        try:
            look_for_record(SYSTEM, domain, now)
        except NoDomain:
            continue  # released while the name server was asked
        except Exception as problem:
            # The others are looked after all the same.
            log.exception("a domain was not looked after", extra={"reason": f"{type(problem).__name__}, of {domain}"})


def looked_for_until(domain: CustomDomain, now: datetime) -> datetime | None:
    """Return until when the worker looks for the record of a claim; None where it does not, or not any more."""
    until = domain.created_at + LOOKED_FOR
    return until if not domain.is_verified and now < until else None


def look_for_record(actor: Actor, domain: CustomDomain, now: datetime) -> CustomDomain:
    """Ask DNS, then write down what it said: nobody is kept waiting by locks for a name server.

    :raises NoDomain:
    """
    until, leads = monotonic() + PATIENCE, None
    try:
        found = txt_records(domain.record_name)
    except DnsSilent:
        found = None
    else:
        leads = leads_here(domain.name, until=until)
    return settle(actor, domain, found, now, leads=leads)


@transaction.atomic
def settle(
    actor: Actor, domain: CustomDomain, found: list[str] | None, now: datetime, *, leads: bool | None = None
) -> CustomDomain:
    """Write down what the records of a domain say; give the domain to whoever they prove it to.

    :param found: None where no name server answered.
    :param leads: whether the domain leads here; None where that is not known. It decides nothing.
    :raises NoDomain: where it was released meanwhile.
    """
    holders = CustomDomain.objects.filter(name=domain.name, verified_at__isnull=False)
    resellers = {row.pk: row for row in locked(domain.reseller_id, *holders.values_list("reseller", flat=True))}
    rows = CustomDomain.objects.select_for_update(no_key=True).filter(name=domain.name, reseller__in=resellers)
    by_reseller = {row.reseller_id: row for row in rows.order_by("pk")}
    held = by_reseller.pop(domain.reseller_id, None)
    if held is None or held.challenge != domain.challenge:
        raise NoDomain
    owner = next((row for row in by_reseller.values() if row.is_verified), None)
    held.checked_at, held.failure, held.leads_here = now, what_is_wrong(held, found), leads
    if held.is_verified:
        keep_or_lose(held, resellers[held.reseller_id], is_silent=found is None, now=now)
    elif not held.failure and owner and owner.record_text in (found or []):
        held.failure = taken()
    elif not held.failure:
        prove(actor, held, resellers, owner, now)
    held.save(update_fields=["verified_at", "checked_at", "failure", "leads_here", "missing_since", "silent_since"])
    return held


def prove(
    actor: Actor, held: CustomDomain, resellers: dict[int, Reseller], owner: CustomDomain | None, now: datetime
) -> None:
    """Make the domain its reseller's, and take it from an owner whose record is gone."""
    if owner:
        lose(owner, resellers[owner.reseller_id], _("Somebody else has proved that this domain is theirs."), now)
        owner.save(update_fields=["verified_at", "failure", "missing_since", "silent_since"])
    try:
        with transaction.atomic():
            CustomDomain.objects.filter(pk=held.pk).update(verified_at=now)
    except IntegrityError:
        held.failure = taken()  # at the same moment
        return
    held.verified_at = now
    record(actor, Action.DOMAIN_VERIFIED, resellers[held.reseller_id], old=None, new=held.name, now=now)


def keep_or_lose(held: CustomDomain, reseller: Reseller, *, is_silent: bool, now: datetime) -> None:
    """Note since when the record of a verified domain is gone; after a week the domain is off.

    A name server that does not answer says neither that it is there nor that it is gone: that is borne for a month.
    """
    held.silent_since = (held.silent_since or now) if is_silent else None
    if not held.failure:
        held.missing_since = None
    elif not is_silent:
        held.missing_since = held.missing_since or now
    if held.missing_since and now - held.missing_since >= MAY_BE_MISSING and not is_silent:
        lose(held, reseller, _("Its record was gone for 7 days. Create it again, then check now."), now)
    elif held.silent_since and now - held.silent_since >= MAY_BE_SILENT:
        lose(held, reseller, _("Its name servers did not answer for 30 days. Check now once they do."), now)


def lose(domain: CustomDomain, reseller: Reseller, why: str, now: datetime) -> None:
    """Take the proof off a domain, without saving it; nobody in particular does that."""
    domain.verified_at, domain.missing_since, domain.silent_since, domain.failure = None, None, None, why
    record(SYSTEM, Action.DOMAIN_LOST, reseller, old=domain.name, new=None, detail=why, now=now)


def doubt_stale_proof(reseller: Reseller, now: datetime) -> None:
    """Take the proof off a domain where nobody has looked for its record for a day, and look for it as for a new one.

    :param reseller: locked.
    """
    stale = Q(checked_at__isnull=True) | Q(checked_at__lte=now - LOOKED_AFTER_EVERY)
    domain = CustomDomain.objects.filter(stale, reseller=reseller, verified_at__isnull=False).first()
    if domain is None:
        return
    why = _("Nobody looked after it while branding was taken back. We look for its record again; you can check now.")
    lose(domain, reseller, why, now)
    domain.created_at = now  # from here on the worker looks for it
    domain.save(update_fields=["verified_at", "missing_since", "failure", "created_at"])


def what_is_wrong(domain: CustomDomain, found: list[str] | None) -> str:
    """Return in words why these records do not prove the domain; nothing where they do."""
    if found is None:
        return _("The domain’s name servers did not answer. Try again in a few minutes.")
    if domain.record_text in found:
        return ""
    if not found:
        return _("There is no such record yet. A new one can take up to an hour to be seen.")
    other = found[0] if len(found[0]) <= SHOWN_OF_RECORD else f"{found[0][:SHOWN_OF_RECORD]}…"
    return _("The record says “%(text)s”, which is not the text below.") % {"text": other}


def taken() -> str:
    return _(
        "This domain is in use here already, and the record that proves it is still there. Take all other records of "
        "this name away, then check again."
    )


def check_own_seat(actor: Seat) -> None:
    """:raises Forbidden: from a borrowed seat: who may come in at a domain is the reseller's own affair."""
    if actor.is_borrowed:
        raise Forbidden(_("This is out of reach while you are logged in as somebody else."))


def record(
    actor: Actor,
    action: Action,
    reseller: Reseller,
    *,
    old: str | None,
    new: str | None,
    detail: str = "",
    now: datetime,
) -> None:
    """Append the act to the reseller's trail: at which host its people sign in is a matter of security."""
    audit.record(
        actor=actor,
        action=action,
        obj=reseller,
        reseller_id=reseller.pk,
        changes={"custom_domain": (old, new)},
        detail=detail,
        grade=Grade.SECURITY,
        now=now,
    )
