"""What can be told of each event: to whom, with which variables, and in which words as long as nobody writes others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ispanel.messages import Event, Way


class Recipient(TextChoices):
    """Who can be told."""

    SUBSCRIBER = "subscriber", _("The subscriber")
    RESELLER = "reseller", _("The reseller")
    PARENT = "parent", _("The reseller’s parent")
    ADMINS = "admins", _("All admins")
    LOGIN = "login", _("The login concerned")


class Text(NamedTuple):
    """What a template says; an SMS has no subject."""

    subject: str
    body: str


@dataclass(frozen=True)
class Story:
    """What there is to tell of an event."""

    #: Whom a rule may tell.
    recipients: tuple[Recipient, ...]
    #: Its variables, each with a sentence and with words to show where nothing has come about yet.
    variables: Mapping[str, tuple[str | Promise, str]]
    email: Text
    sms: str
    #: Which of them open something. They stand in the text alone, which is kept encrypted; a subject is not.
    secrets: frozenset[str] = frozenset()

    def shipped(self, way: Way) -> Text:
        """Return the text as long as nobody has written another."""
        return self.email if way == Way.EMAIL else Text("", self.sms)

    @property
    def samples(self) -> dict[str, str]:
        return {name: sample for name, (_sentence, sample) in self.variables.items()}


#: In every text.
ISSUER = {"issuer": (_("Who writes: your company, or the reseller where it issues its own invoices."), "Example ISP")}
USERNAME = {"username": (_("The line’s username."), "amal.k")}
RESELLER = {"reseller": (_("The reseller’s name."), "North Net")}
LINE = {
    **USERNAME,
    "name": (_("The subscriber’s full name; the username where none is known."), "Amal Khoury"),
    "plan": (_("The plan’s name."), "Home 50"),
    **RESELLER,
}
NAMES = {
    "username": (_("The login’s username."), "nadia"),
    "name": (_("The person’s or the company’s name."), "Nadia Haddad"),
}
LOGIN = {
    **NAMES,
    "when": (_("When it was done."), "14 May 2026, 09:30"),
}
ADDRESS = {"address": (_("From which address."), "203.0.113.7")}
FUNDS = (Recipient.RESELLER, Recipient.PARENT, Recipient.ADMINS)
OF_LINE = (Recipient.SUBSCRIBER, *FUNDS)
OF_LOGIN = (Recipient.LOGIN, *FUNDS)

STORIES: dict[Event, Story] = {
    Event.LOW_BALANCE: Story(
        recipients=FUNDS,
        variables={
            **RESELLER,
            "balance": (_("What is in the wallet."), "18.50 USD"),
            "available": (_("Balance and credit limit together."), "118.50 USD"),
            "threshold": (_("The reseller’s low-balance threshold."), "50.00 USD"),
            **ISSUER,
        },
        email=Text(
            "Low balance: {{ balance }}",
            "The wallet of {{ reseller }} holds {{ balance }}, which is no more than the threshold of"
            " {{ threshold }}.\nAvailable for charges: {{ available }}.\n\n"
            "Lines that cannot be paid for are not renewed. Please top up in time.",
        ),
        sms="{{ reseller }}: your balance is {{ balance }}. Please top up in time. {{ issuer }}",
    ),
    Event.TRANSFER_RECEIVED: Story(
        recipients=FUNDS,
        variables={
            **RESELLER,
            "amount": (_("What was received."), "1,000.00 USD"),
            "balance": (_("What is in the wallet now."), "1,018.50 USD"),
            "sender": (_("Whose money it was."), "Example ISP"),
            "note": (_("The transfer’s note; may be blank."), "Monthly settlement May 2026"),
            **ISSUER,
        },
        email=Text(
            "Transfer received: {{ amount }}",
            "{{ reseller }} received {{ amount }} from {{ sender }}.\n{{ note }}\n\nThe balance is {{ balance }} now.",
        ),
        sms="{{ reseller }} received {{ amount }}. Balance: {{ balance }}. {{ issuer }}",
    ),
    Event.RENEWAL_FAILED: Story(
        # Not the subscriber: the reason names what is in the reseller's wallet.
        recipients=FUNDS,
        variables={
            **LINE,
            "reason": (_("What stood in the way."), "6.50 USD is missing."),
            "expires_on": (_("When the last period ended."), "14 May 2026"),
            **ISSUER,
        },
        email=Text(
            "{{ username }} could not be renewed",
            "The line {{ username }} ({{ name }}, {{ plan }}) of {{ reseller }} could not be renewed by itself.\n\n"
            "{{ reason }}\n\nIts period ended on {{ expires_on }}.",
        ),
        sms="{{ username }} could not be renewed: {{ reason }}",
    ),
    Event.EXPIRING_SOON: Story(
        recipients=OF_LINE,
        variables={
            **LINE,
            "expires_on": (_("When the period ends."), "17 May 2026"),
            "days": (_("In how many days that is."), "3"),
            **ISSUER,
        },
        email=Text(
            "Your internet expires on {{ expires_on }}",
            "Dear {{ name }},\n\nyour plan {{ plan }} (username {{ username }}) expires on {{ expires_on }}.\n"
            "Please renew it in time to stay online.",
        ),
        sms="Your internet ({{ username }}) expires on {{ expires_on }}. Please renew in time. {{ issuer }}",
    ),
    Event.EXPIRED: Story(
        recipients=OF_LINE,
        variables={**LINE, "expires_on": (_("When the period ended."), "14 May 2026"), **ISSUER},
        email=Text(
            "Your internet has expired",
            "Dear {{ name }},\n\nyour plan {{ plan }} (username {{ username }}) expired on {{ expires_on }}, and you"
            " are offline.\nPlease renew it to be online again.",
        ),
        sms="Your internet ({{ username }}) expired on {{ expires_on }}. Please renew. {{ issuer }}",
    ),
    Event.RENEWED: Story(
        recipients=OF_LINE,
        variables={
            **LINE,
            "expires_on": (_("Until when it is paid."), "13 Jun 2026"),
            "amount": (_("What the subscriber pays for the period."), "30.00 USD"),
            **ISSUER,
        },
        email=Text(
            "Your internet is renewed until {{ expires_on }}",
            "Dear {{ name }},\n\nyour plan {{ plan }} (username {{ username }}) is renewed until {{ expires_on }}."
            "\nThank you.",
        ),
        sms="Your internet ({{ username }}) is renewed until {{ expires_on }}. {{ issuer }}",
    ),
    Event.INVOICE_ISSUED: Story(
        recipients=OF_LINE,
        variables={
            "number": (_("The invoice’s number."), "INV-1024"),
            "amount": (_("What it is for."), "30.00 USD"),
            "description": (_("What was sold."), "Home 50"),
            "expires_on": (_("Until when it is paid."), "13 Jun 2026"),
            "subscriber": (_("The subscriber’s name."), "Amal Khoury"),
            "link": (
                _("Where the invoice is read; may be blank."),
                "https://panel.example.com/i/a-sample-as-long-as-links-are-0123456789ABC",
            ),
            **ISSUER,
        },
        email=Text(
            "Invoice {{ number }}: {{ amount }}",
            "Dear {{ subscriber }},\n\nthis is your invoice {{ number }} of {{ amount }} for {{ description }}.\n\n"
            "{{ link }}",
        ),
        sms="Invoice {{ number }}: {{ amount }}. {{ link }} {{ issuer }}",
        secrets=frozenset({"link"}),
    ),
    Event.PASSWORD_CHANGED: Story(
        recipients=OF_LOGIN,
        variables={**LOGIN, **ADDRESS, **ISSUER},
        email=Text(
            "Your password was changed",
            "The password of {{ username }} was changed on {{ when }}, from {{ address }}.\n\n"
            "If that was not you, tell whoever gave you this login at once.",
        ),
        sms="The password of {{ username }} was changed on {{ when }}. {{ issuer }}",
    ),
    Event.LOGIN_AS_USED: Story(
        recipients=OF_LOGIN,
        variables={
            **LOGIN,
            "actor": (_("Who did it."), "asha"),
            "reason": (_("Why, as they said."), "Asked for help with an import"),
            **ISSUER,
        },
        email=Text(
            "{{ actor }} used your panel",
            "{{ actor }} signed in as {{ username }} on {{ when }}.\nReason: {{ reason }}\n\n"
            "What was done there stands in the audit trail under both names.",
        ),
        sms="{{ actor }} signed in as {{ username }} on {{ when }}. {{ issuer }}",
    ),
    Event.PASSWORD_RESET: Story(
        recipients=(),
        variables={
            **NAMES,
            "link": (_("Where a new password is chosen; in an email only."), "https://panel.example.com/reset/…"),
            "code": (_("The six digits to type; in an SMS only."), "123456"),
            "minutes": (_("How long that can be used, in minutes."), "30"),
            **ISSUER,
        },
        email=Text(
            "Choose a new password",
            "Somebody asked for a new password for {{ username }}. If that was you, choose it here within"
            " {{ minutes }} minutes:\n\n{{ link }}\n\nIf not, do nothing: your password stays as it is.",
        ),
        sms="{{ code }} is your code for a new password, for {{ minutes }} minutes. Tell it to nobody. {{ issuer }}",
        secrets=frozenset({"link", "code"}),
    ),
    Event.CONTACT_CHANGED: Story(
        recipients=(),
        variables={
            **LOGIN,
            "what": (_("What was changed, in words."), "sign-in email"),
            **ADDRESS,
            **ISSUER,
        },
        email=Text(
            "Your sign-in details were changed",
            "Of the login {{ username }} was changed: {{ what }}.\n\n"
            "If that was not you, tell whoever gave you this login at once. Password reset is held back for 24 hours.",
        ),
        sms="Of the login {{ username }} was changed: {{ what }}. {{ issuer }}",
    ),
}
#: Those go to one person's address, as soon as there is a channel; all others as rules say.
WITHOUT_RULE = frozenset(event for event, story in STORIES.items() if not story.recipients)
WITH_RULE = tuple(event for event in Event if event not in WITHOUT_RULE)
