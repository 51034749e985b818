"""Peers, and people with addresses."""

from collections.abc import Iterator

import pytest

from accounts.models import User
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.notifications.peers import GatewayPeer, MailPeer, email_through, gateway, mail_server, sms_through
from tests.subscribers.lines import add


@pytest.fixture
def mail_peer() -> Iterator[MailPeer]:
    """Return a mail server that takes everything."""
    with mail_server() as peer:
        yield peer


@pytest.fixture
def sms_peer() -> Iterator[GatewayPeer]:
    """Return a gateway that takes everything."""
    with gateway() as peer:
        yield peer


@pytest.fixture
def mails(db: None, mail_peer: MailPeer) -> MailPeer:
    """Return the mail server that the email channel goes through."""
    email_through(mail_peer)
    return mail_peer


@pytest.fixture
def texts(db: None, sms_peer: GatewayPeer) -> GatewayPeer:
    """Return the gateway that the SMS channel goes through."""
    sms_through(sms_peer)
    return sms_peer


@pytest.fixture
def reachable(asha: User, north: Reseller, northeast: Reseller) -> None:
    """Give the people addresses."""
    for user, name in ((asha, "asha"), (north.user, "nadia"), (northeast.user, "noora")):
        User.objects.filter(pk=user.pk).update(email=f"{name}@isp.example", phone=f"+961 3 10000{user.pk % 10}")
        user.refresh_from_db()


@pytest.fixture
def amal(asha: User, northeast: Reseller, home: Plan, reachable: None) -> Subscriber:
    """Return a line of Northeast, unpaid, whose subscriber has addresses."""
    return add(
        asha,
        northeast,
        home,
        "amal",
        activate=False,
        full_name="Amal Khoury",
        email="amal@home.example",
        phone="+961 70 123 456",
    )
