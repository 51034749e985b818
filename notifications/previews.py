"""How a template reads, with what really came about where something did."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import dateformat, timezone
from django.utils.translation import gettext as _

from ispanel.installation import currency
from ispanel.issuer import Issuer, panel_issuer
from ispanel.messages import Event, Way
from ispanel.money import with_code
from notifications.carrying import worded
from notifications.catalogue import STORIES, Recipient
from notifications.handing_over import one_line
from notifications.models import Message, Template
from notifications.sms_parts import outside_of_gsm, parts_of
from notifications.templating import fill, in_words, problems_of
from resellers.models import Reseller

OF_LOGIN = (Event.PASSWORD_CHANGED, Event.LOGIN_AS_USED, Event.PASSWORD_RESET, Event.CONTACT_CHANGED)


@dataclass(frozen=True)
class Preview:
    """A message as it would go out, and whose words are in it."""

    subject: str
    body: str
    whose: str
    problems: list[str]

    @property
    def length(self) -> int:
        return len(self.body)

    @property
    def parts(self) -> int:
        """How many SMS it takes."""
        return parts_of(self.body)

    @property
    def outside_of_gsm(self) -> str:
        """The character for which an SMS holds 70 of them in place of 160."""
        return outside_of_gsm(self.body)


def preview_of(template: Template, subject: str, body: str) -> Preview:
    """Return how the template would read with this text."""
    facts, whose, issuer = facts_for(Event(template.event))
    allowed, secrets = template.story.variables, template.story.secrets
    problems = [*problems_of(subject, allowed, secrets=secrets), *problems_of(body, allowed)]
    in_subject = {name: words for name, words in facts.items() if name not in secrets}
    return Preview(
        subject=one_line(fill(subject, in_subject)),
        body=worded(body, facts, Way(template.way), issuer),
        whose=whose,
        problems=[*dict.fromkeys(problems), in_words(allowed)] if problems else [],
    )


def facts_for(event: Event) -> tuple[dict[str, str], str, Issuer]:
    """Return the variables of the latest such message, or of somebody real, whose they are, and who writes to them."""
    house = panel_issuer()
    samples = STORIES[event].samples | {"issuer": house.name}
    rows = Message.objects.filter(event=event, is_secret=False)
    latest = rows.select_related("reseller").order_by("-pk").first()
    if latest is not None:
        openers = STORIES[event].secrets
        known = {name: words for name, words in latest.facts.items() if name in samples and name not in openers}
        whose = _("the latest message about this, to %(whom)s") % {"whom": latest.recipient}
        return samples | known, whose, issuer_of(latest, house)
    reseller = Reseller.objects.kept().select_related("user", "wallet").order_by("-pk").first()
    every_line: Any = Reseller._meta.get_field("subscribers").related_model
    line = every_line.objects.kept().select_related("plan", "reseller").order_by("-pk").first()
    if event in OF_LOGIN and reseller is not None:
        return samples | facts_of_login(reseller), _("the login %(name)s") % {"name": reseller.user.username}, house
    if event in (Event.LOW_BALANCE, Event.TRANSFER_RECEIVED) and reseller is not None:
        return samples | facts_of_wallet(reseller), _("the reseller %(name)s") % {"name": reseller.public_name}, house
    if event not in OF_LOGIN and "threshold" not in samples and "sender" not in samples and line is not None:
        issuer = line.reseller.issuer if Recipient.SUBSCRIBER in STORIES[event].recipients else house
        facts = facts_of_line(line) | {"issuer": issuer.name}
        known = {name: words for name, words in facts.items() if name in samples}
        return samples | known, _("the subscriber %(name)s") % {"name": line.username}, issuer
    return samples, _("nobody: these are sample words"), house


def issuer_of(message: Message, house: Issuer) -> Issuer:
    """Return who wrote a message: under the name of then, at the address of now."""
    if message.told_as == Recipient.SUBSCRIBER and message.from_name and message.reseller:
        return Issuer(name=message.from_name, address=message.reseller.address)
    return house


def facts_of_login(reseller: Reseller) -> dict[str, str]:
    return {"username": reseller.user.username, "name": reseller.public_name}


def facts_of_wallet(reseller: Reseller) -> dict[str, str]:
    money, wallet = currency(), reseller.wallet
    return {
        "reseller": reseller.public_name,
        "balance": with_code(wallet.balance or Decimal(0), money),
        "available": with_code(wallet.available, money),
        "threshold": with_code(reseller.low_balance_threshold, money),
    }


def facts_of_line(line: Any) -> dict[str, str]:
    """Return what is known of a subscriber, which is above this app."""
    facts = {
        "username": line.username,
        "name": line.full_name or line.username,
        "subscriber": line.full_name or line.username,
        "plan": line.plan.name,
        "description": line.plan.name,
        "reseller": line.reseller.public_name,
    }
    if line.expires_at:
        facts["expires_on"] = dateformat.format(timezone.localtime(line.expires_at), "j M Y")
    return facts
