"""How many SMS a text takes."""

import secrets
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from billing.operations.links import TOKEN_BYTES
from ispanel import messages
from ispanel.messages import Event, Occurrence, Way
from ispanel.money import Currency, with_code
from notifications.catalogue import STORIES
from notifications.models import Message
from notifications.sms_parts import BASIC, EXTENSION, outside_of_gsm, parts_of
from tests.cast import signed_in
from tests.notifications.peers import GatewayPeer, MailPeer
from tests.notifications.test_pages import preview, template_page
from tests.pages import body


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("é" * 160, 1),
        ("€" * 80, 1),
        ("€" * 81, 2),
        # An extension's two septets stay together: each part holds 76 of them, and one septet is left over.
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("\u2212" + "x" * 69, 1),
        ("\u2212" + "x" * 70, 2),
        ("\u2212" + "x" * 133, 2),
        ("\u2212" + "x" * 134, 3),
        ("أهلا " * 14, 1),
        ("أهلا " * 14 + "!", 2),
        ("\N{GRINNING FACE}" * 35, 1),
        ("\N{GRINNING FACE}" * 36, 2),
        ("\N{GRINNING FACE}" * 66, 2),
        ("\N{GRINNING FACE}" * 67, 3),
    ],
)
def test_a_text_takes_as_many_parts_as_its_alphabet_asks(text: str, parts: int) -> None:
    assert parts_of(text) == parts


def test_the_alphabet_has_the_characters_of_its_tables() -> None:
    assert (len(BASIC), len(EXTENSION)) == (127, 10)  # 128, of which one leads to the extension
    assert outside_of_gsm("Balance: 5 €, ç") == "ç"


def test_shipped_sms_stay_within_the_alphabet_and_a_sample_link_is_as_long_as_a_real_one() -> None:
    for story in STORIES.values():
        assert outside_of_gsm(story.sms) == ""
    sample = STORIES[Event.INVOICE_ISSUED].samples["link"]
    assert len(sample.rpartition("/")[2]) == len(secrets.token_urlsafe(TOKEN_BYTES))


def test_an_amount_below_zero_makes_no_sms_longer_and_a_mail_has_it_as_the_screen_does(
    mails: MailPeer, texts: GatewayPeer
) -> None:
    facts = {"username": "amal", "what": with_code(Decimal("-193.66"), Currency("USD", 2))}
    for way, to in ((Way.SMS, "+96170123456"), (Way.EMAIL, "amal@home.example")):
        messages.announce(Occurrence(Event.CONTACT_CHANGED, key="1", facts=facts, to=(way, to)))

    sms, mail = Message.objects.order_by("-way")

    assert "-193.66 USD" in sms.body
    assert outside_of_gsm(sms.body) == ""
    assert "\u2212193.66 USD" in mail.body


def test_the_preview_counts_characters_and_parts_and_names_what_makes_them_more(asha: User) -> None:
    client: Client = signed_in(asha)
    page = template_page(Event.EXPIRED, Way.SMS)

    assert "160 characters, 1 part " in f"{body(preview(client, page, body='x' * 160))} "
    assert "161 characters, 2 parts " in f"{body(preview(client, page, body='x' * 161))} "
    shown = body(preview(client, page, body="ç" * 71))
    assert "71 characters, 2 parts. “ç” is outside of the SMS alphabet, so one SMS holds 70 characters" in shown
