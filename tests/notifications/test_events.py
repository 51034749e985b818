"""What is told of each event, to whom, and in whose name."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from ispanel import messages
from ispanel.messages import Event, Occurrence, Way
from ispanel.models import PanelSettings
from notifications import sending
from notifications.catalogue import STORIES, WITH_RULE, Recipient
from notifications.models import Channel, Message, Rule
from notifications.templating import problems_of
from plans.models import Plan
from resellers import operations as resellers
from resellers.models import Reseller
from resellers.operations.news import announce_low_balances
from subscribers import operations as subscribers
from subscribers.models import Subscriber
from subscribers.operations.news import announce_expiring, announce_renewed
from tests.cast import fund, make_reseller, new_key, seat_of
from tests.notifications.peers import GatewayPeer, MailPeer, tell
from tests.subscribers.lines import add, renew

SUBSCRIBER, RESELLER, PARENT = "amal@home.example", "noora@isp.example", "nadia@isp.example"
ADMIN, FIXED = "asha@isp.example", "office@isp.example"


class Acts:
    """How each event comes about, for Amal's line, its reseller Northeast, and who signs in for that."""

    def __init__(self, asha: User, northeast: Reseller, amal: Subscriber) -> None:
        self.asha, self.northeast, self.amal, self.now = asha, northeast, amal, timezone.now()

    def low_balance(self) -> None:
        fund(self.northeast.wallet, "18.50", actor=self.asha)
        Reseller.objects.filter(pk=self.northeast.pk).update(low_balance_threshold=50)
        announce_low_balances(now=self.now)
        announce_low_balances(now=self.now)

    def transfer_received(self) -> None:
        key = new_key("transfer", amount="10")
        for _twice in range(2):
            resellers.transfer_to_reseller(
                actor=seat_of(self.asha),
                reseller_id=self.northeast.pk,
                amount=Decimal(10),
                note="May",
                key=key,
                now=self.now,
            )

    def renewed(self) -> None:
        fund(self.northeast.wallet, "100", actor=self.asha)
        key = new_key("renew")
        renew(self.asha, self.amal, key=key, now=self.now)
        renew(self.asha, self.amal, key=key, now=self.now)

    def renewal_failed(self) -> None:
        self.runs_until(self.now - timedelta(minutes=1), auto_renew=True)
        subscribers.renew_due(reseller_id=self.northeast.pk, now=self.now)
        subscribers.renew_due(reseller_id=self.northeast.pk, now=self.now + timedelta(hours=2))

    def expired(self) -> None:
        self.runs_until(self.now - timedelta(minutes=1))
        subscribers.expire_due(reseller_id=self.northeast.pk, now=self.now)
        subscribers.expire_due(reseller_id=self.northeast.pk, now=self.now)

    def expiring_soon(self) -> None:
        self.runs_until(self.now + timedelta(days=2, hours=1))
        announce_expiring(now=self.now)
        announce_expiring(now=self.now + timedelta(hours=1))

    def runs_until(self, moment: object, **details: object) -> None:
        Subscriber.objects.filter(pk=self.amal.pk).update(expires_at=moment, **details)

    def announced(self, event: Event) -> None:
        """Announce what other rooms do: twice, as a job that runs twice would."""
        facts = STORIES[event].samples
        of_line = event == Event.INVOICE_ISSUED
        for _twice in range(2):
            messages.announce(
                Occurrence(
                    event,
                    key="7",
                    facts=facts,
                    reseller=self.northeast,
                    subscriber=self.amal if of_line else None,
                    user=None if of_line else self.northeast.user,
                )
            )

    def come_about(self, event: Event) -> None:
        act: Callable[[], None] | None = getattr(self, event.value, None)
        act() if act else self.announced(event)


@pytest.fixture
def acts(asha: User, northeast: Reseller, amal: Subscriber) -> Acts:
    return Acts(asha, northeast, amal)


def sent_to(peer: MailPeer) -> list[str]:
    sending.send_waiting(Way.EMAIL, for_seconds=30)
    return sorted(str(mail["To"]) for mail in peer.mails)


ADDRESSES = {
    Recipient.SUBSCRIBER: SUBSCRIBER,
    Recipient.RESELLER: RESELLER,
    Recipient.PARENT: PARENT,
    Recipient.ADMINS: ADMIN,
    Recipient.LOGIN: RESELLER,
}


@pytest.mark.parametrize("event", WITH_RULE)
def test_each_event_reaches_each_of_its_recipients_once(event: Event, acts: Acts, mails: MailPeer) -> None:
    story = STORIES[event]
    tell(event, *story.recipients, addresses=[FIXED])

    acts.come_about(event)

    assert sent_to(mails) == sorted({FIXED, *(ADDRESSES[who] for who in story.recipients)})
    for mail in mails.mails:
        assert "{{" not in mail.get_content()
        assert str(mail["Subject"])


@pytest.mark.parametrize("event", WITH_RULE)
def test_each_event_reaches_the_one_that_its_shipped_rule_names(event: Event, acts: Acts, mails: MailPeer) -> None:
    Rule.objects.filter(event=event, way=Way.EMAIL).update(is_on=True)
    [recipient] = Rule.objects.get(event=event, way=Way.EMAIL).recipients

    acts.come_about(event)

    assert sent_to(mails) == [ADDRESSES[recipient]]


@pytest.mark.parametrize("event", WITH_RULE)
def test_without_a_rule_that_is_on_nobody_is_told(event: Event, acts: Acts, mails: MailPeer) -> None:
    assert not messages.wanted(event)

    acts.come_about(event)

    assert not Message.objects.exists()


def test_a_channel_that_is_off_is_told_nothing(acts: Acts, mails: MailPeer, texts: GatewayPeer) -> None:
    tell(Event.EXPIRED, "subscriber")
    tell(Event.EXPIRED, "subscriber", way=Way.SMS)
    Channel.objects.filter(way=Way.EMAIL).update(is_on=False)

    acts.come_about(Event.EXPIRED)

    assert messages.ways() == {Way.SMS}
    [message] = Message.objects.all()
    assert (message.way, message.recipient) == (Way.SMS, "+96170123456")
    assert message.body.startswith("Your internet (amal) expired on")


def test_every_template_names_only_variables_that_its_event_has() -> None:
    for story in STORIES.values():
        for way in Way:
            text = story.shipped(way)
            assert problems_of(text.subject, story.variables) == []
            assert problems_of(text.body, story.variables) == []


@pytest.mark.parametrize("event", WITH_RULE)
def test_the_facts_of_what_comes_about_are_the_variables_of_its_template(
    event: Event, acts: Acts, mails: MailPeer
) -> None:
    tell(event, addresses=[FIXED])

    acts.come_about(event)

    assert set(Message.objects.get().facts) == set(STORIES[event].variables) - STORIES[event].secrets


# --- money ------------------------------------------------------------------------------------------------------------


def test_a_starting_balance_and_a_top_up_are_told_with_amount_and_balance(
    asha: User, north: Reseller, reachable: None, mails: MailPeer
) -> None:
    tell(Event.TRANSFER_RECEIVED, "reseller")

    make_reseller(asha, "east", "East Net", starting_balance=Decimal(30), email="east@isp.example")
    asked = resellers.ask_for_top_up(
        actor=seat_of(north.user), amount=Decimal(250), note="Bank", key=new_key("ask"), now=timezone.now()
    )
    resellers.approve_top_up(actor=seat_of(asha), request_id=asked.pk, key=new_key("ok"), now=timezone.now())

    first, second = Message.objects.order_by("pk")
    assert (first.recipient, first.subject) == ("east@isp.example", "Transfer received: 30.00 USD")
    assert "East Net received 30.00 USD from ISPanel.\nStarting balance" in first.body
    assert "North Net received 250.00 USD from ISPanel.\nBank\n\nThe balance is 250.00 USD now." in second.body


def test_a_transfer_without_a_note_leaves_no_gap_where_it_would_stand(acts: Acts, mails: MailPeer) -> None:
    tell(Event.TRANSFER_RECEIVED, "reseller")

    resellers.transfer_to_reseller(
        actor=seat_of(acts.asha), reseller_id=acts.northeast.pk, amount=Decimal(5), note="", now=timezone.now()
    )

    assert "received 5.00 USD from ISPanel.\n\nThe balance is 5.00 USD now." in Message.objects.get().body


def test_a_refused_transfer_tells_nobody(
    north: Reseller, northeast: Reseller, reachable: None, mails: MailPeer
) -> None:
    tell(Event.TRANSFER_RECEIVED, "reseller")

    with pytest.raises(Exception, match="missing"):
        resellers.transfer_to_reseller(
            actor=seat_of(north.user), reseller_id=northeast.pk, amount=Decimal(5), note="", now=timezone.now()
        )

    assert not Message.objects.exists()


def test_a_low_balance_is_told_again_only_after_it_was_above_the_threshold(
    asha: User, north: Reseller, reachable: None, mails: MailPeer
) -> None:
    tell(Event.LOW_BALANCE, "reseller")
    Reseller.objects.filter(pk=north.pk).update(low_balance_threshold=50)
    now = timezone.now()

    def told() -> int:
        announce_low_balances(now=now)
        return Message.objects.count()

    assert told() == 0  # no money was ever in it
    fund(north.wallet, "20", actor=asha)
    assert told() == 1
    fund(north.wallet, "10", actor=asha)
    assert told() == 1
    fund(north.wallet, "100", actor=asha)
    resellers.withdraw_from_reseller(actor=seat_of(asha), reseller_id=north.pk, amount=Decimal(100), note="", now=now)
    assert told() == 2
    assert told() == 2


def test_a_low_balance_is_told_again_after_it_was_above_the_threshold_that_stood_then(
    asha: User, north: Reseller, reachable: None, mails: MailPeer
) -> None:
    tell(Event.LOW_BALANCE, "reseller")

    now = timezone.now()

    def told() -> list[tuple[str, str]]:
        announce_low_balances(now=now)
        return [(each.facts["balance"], each.facts["threshold"]) for each in Message.objects.order_by("pk")]

    def low_from(threshold: int) -> None:
        resellers.set_low_balance_threshold(
            actor=seat_of(asha), reseller_id=north.pk, threshold=Decimal(threshold), now=now
        )

    low_from(50)
    fund(north.wallet, "40", actor=asha)
    first, second = ("40.00 USD", "50.00 USD"), ("55.00 USD", "100.00 USD")
    assert told() == [first]
    low_from(60)
    assert told() == [first]  # it is as low as it was
    fund(north.wallet, "40", actor=asha)
    low_from(100)
    resellers.withdraw_from_reseller(actor=seat_of(asha), reseller_id=north.pk, amount=Decimal(25), note="", now=now)
    assert told() == told() == [first, second]


# --- lines ------------------------------------------------------------------------------------------------------------


def test_who_is_renewed_by_itself_is_not_told_that_it_expires(acts: Acts, mails: MailPeer) -> None:
    tell(Event.EXPIRING_SOON, "subscriber")
    acts.runs_until(acts.now + timedelta(days=2), auto_renew=True)

    announce_expiring(now=acts.now)

    assert not Message.objects.exists()


def test_an_expiry_is_told_as_many_days_before_as_each_rule_says_and_again_after_a_renewal(
    acts: Acts, mails: MailPeer, texts: GatewayPeer
) -> None:
    tell(Event.EXPIRING_SOON, "subscriber", days=7)
    tell(Event.EXPIRING_SOON, "subscriber", days=1, way=Way.SMS)
    acts.runs_until(acts.now + timedelta(days=5))

    announce_expiring(now=acts.now)
    assert [(each.way, each.facts["days"]) for each in Message.objects.all()] == [(Way.EMAIL, "5")]

    acts.runs_until(acts.now + timedelta(hours=20))
    Message.objects.all().delete()
    announce_expiring(now=acts.now)
    announce_expiring(now=acts.now)
    assert sorted(Message.objects.values_list("way", flat=True)) == [Way.EMAIL, Way.SMS]


def test_a_failed_renewal_is_told_once_however_much_is_missing_and_again_for_another_reason(
    asha: User, acts: Acts, mails: MailPeer
) -> None:
    tell(Event.RENEWAL_FAILED, "reseller")
    acts.renewal_failed()
    fund(acts.northeast.wallet, "5", actor=asha)

    subscribers.renew_due(reseller_id=acts.northeast.pk, now=acts.now + timedelta(hours=4))
    acts.northeast.service_groups.clear()
    subscribers.renew_due(reseller_id=acts.northeast.pk, now=acts.now + timedelta(hours=6))

    first, second = Message.objects.order_by("pk")
    assert "25.00 USD is missing" in first.body
    assert "has no service group" in second.body


def test_each_line_that_the_wallet_does_not_pay_for_is_told_of(
    asha: User, acts: Acts, home: Plan, mails: MailPeer
) -> None:
    tell(Event.RENEWAL_FAILED, "reseller")
    fund(acts.northeast.wallet, "40", actor=asha)
    for name in ("badr", "carla", "dana"):
        add(asha, acts.northeast, home, name, activate=False, auto_renew=True)
    Subscriber.objects.exclude(pk=acts.amal.pk).update(expires_at=acts.now - timedelta(minutes=1))

    for hour in range(3):
        subscribers.renew_due(reseller_id=acts.northeast.pk, now=acts.now + timedelta(hours=hour))

    assert [(each.facts["username"], each.facts["reason"]) for each in Message.objects.order_by("pk")] == [
        (name, "10.00 USD is missing: 25.00 USD is needed and 15.00 USD is available.") for name in ("carla", "dana")
    ]


# --- whose name -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reseller_is_issuer", [True, False])
def test_a_subscriber_hears_from_the_issuer_that_the_setting_says_and_all_others_from_the_house(
    reseller_is_issuer: bool, acts: Acts, mails: MailPeer
) -> None:
    PanelSettings.objects.update(
        company_name="Example ISP", company_address="1 Main Road\nBeirut", reseller_is_issuer=reseller_is_issuer
    )
    Reseller.objects.filter(pk=acts.northeast.pk).update(company_name="Northeast Net", address="7 Harbour Street")
    tell(Event.EXPIRED, "subscriber", "reseller", "admins")

    acts.come_about(Event.EXPIRED)

    house = ("Example ISP", "-- \nExample ISP\n1 Main Road\nBeirut\n")
    own = ("Northeast Net", "-- \nNortheast Net\n7 Harbour Street\n")
    sent_to(mails)
    found = {str(mail["To"]): mail for mail in mails.mails}
    assert set(found) == {SUBSCRIBER, RESELLER, ADMIN}
    for address, mail in found.items():
        name, closing = own if address == SUBSCRIBER and reseller_is_issuer else house
        assert mail["From"].addresses[0].display_name == name
        assert mail.get_content().replace("\r\n", "\n").endswith(closing)


def test_a_reset_that_was_asked_for_at_a_resellers_domain_carries_that_resellers_name(
    north: Reseller, reachable: None, mails: MailPeer
) -> None:
    PanelSettings.objects.update(company_name="Example ISP")
    facts = {"username": "nadia", "link": "https://panel.north.test/reset/x", "minutes": "30"}
    for key, reseller in (("at north", north), ("at the house", None)):
        messages.announce(
            Occurrence(
                Event.PASSWORD_RESET,
                key=key,
                facts=facts,
                reseller=reseller,
                to=(Way.EMAIL, "nadia@isp.example"),
                is_secret=True,
            )
        )

    sending.send_waiting(Way.EMAIL)

    assert [mail["From"].addresses[0].display_name for mail in mails.mails] == ["North Net", "Example ISP"]
    assert "https://panel.north.test/reset/x" in mails.mails[0].get_content()


# --- never in the way -------------------------------------------------------------------------------------------------


def test_an_act_goes_on_though_its_message_cannot_be_written(
    acts: Acts, mails: MailPeer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tell(Event.RENEWED, "subscriber")

    def fail(*_args: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    monkeypatch.setattr("notifications.carrying.keep", fail)
    acts.come_about(Event.RENEWED)

    assert Subscriber.objects.get(pk=acts.amal.pk).renewals.count() == 1
    assert not Message.objects.exists()
    assert "messages were lost" in caplog.text


class FailsOn:
    """Has the database itself fail at the statements that read a table, and so break their transaction."""

    def __init__(self, table: str) -> None:
        self.table = f'FROM "{table}"'

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        is_it = sql.startswith("SELECT") and self.table in sql
        return execute("SELECT 1/0", None, False, context) if is_it else execute(sql, params, many, context)


@pytest.mark.parametrize("table", ["message_rules", "message_channels", "message_templates"])
def test_an_act_goes_on_though_the_rules_cannot_be_read(
    table: str, acts: Acts, mails: MailPeer, caplog: pytest.LogCaptureFixture
) -> None:
    tell(Event.INVOICE_ISSUED, "subscriber")

    with connection.execute_wrapper(FailsOn(table)), transaction.atomic():
        Subscriber.objects.filter(pk=acts.amal.pk).update(note="Invoiced")
        acts.come_about(Event.INVOICE_ISSUED)

    assert Subscriber.objects.get(pk=acts.amal.pk).note == "Invoiced"
    assert not Message.objects.exists()
    assert "messages were lost" in caplog.text


def to_lines(*details: dict[str, Any]) -> list[Occurrence]:
    """Return an occurrence for each of these, in this order."""
    plain = {"facts": {"what": "email"}}
    return [
        Occurrence(Event.CONTACT_CHANGED, key=str(key), to=(Way.EMAIL, f"line{key}@home.example"), **plain | each)
        for key, each in enumerate(details)
    ]


@pytest.mark.parametrize("bad", [{"facts": None}, {"facts": {"username": "a\0b"}}], ids=["not written", "not taken"])
def test_what_cannot_be_told_of_one_takes_nothing_from_the_others(
    bad: dict[str, Any], mails: MailPeer, caplog: pytest.LogCaptureFixture
) -> None:
    messages.announce(*to_lines({}, {}, bad, {}, {}))

    assert sent_to(mails) == [f"line{number}@home.example" for number in (0, 1, 3, 4)]
    [told] = [record for record in caplog.records if record.message == "messages were lost"]
    assert told.reason.endswith(", of contact_changed")  # type: ignore[attr-defined]


def test_what_is_rolled_back_told_nobody(acts: Acts, mails: MailPeer) -> None:
    tell(Event.RENEWED, "subscriber")

    with transaction.atomic():
        acts.come_about(Event.RENEWED)
        assert Message.objects.count() == 1
        transaction.set_rollback(True)

    assert sent_to(mails) == []


def test_without_a_rule_an_announcement_costs_one_query(acts: Acts, mails: MailPeer) -> None:
    fund(acts.northeast.wallet, "100", actor=acts.asha)
    period = renew(acts.asha, acts.amal)

    with CaptureQueriesContext(connection) as captured:
        announce_renewed([(acts.amal, period)] * 40)

    assert len(captured) == 1


def test_many_renewals_are_told_in_as_many_queries_as_one(
    asha: User, northeast: Reseller, home: Plan, reachable: None, mails: MailPeer
) -> None:
    tell(Event.RENEWED, "subscriber", "reseller", "parent", "admins")
    fund(northeast.wallet, "1000", actor=asha)

    def queries(*names: str) -> int:
        lines = [add(asha, northeast, home, name, activate=False, email=f"{name}@home.example") for name in names]
        before = Message.objects.count()
        with CaptureQueriesContext(connection) as captured:
            subscribers.renew_subscribers(
                actor=seat_of(asha),
                reseller_id=northeast.pk,
                subscriber_ids=[line.pk for line in lines],
                key=new_key("renew"),
                now=timezone.now(),
            )
        assert Message.objects.count() == before + 4 * len(names)
        return len(captured)

    assert queries("one") == queries(*(f"line-{number}" for number in range(12)))


def test_whoever_is_gone_is_not_told(asha: User, acts: Acts, mails: MailPeer) -> None:
    tell(Event.EXPIRED, "reseller", "parent")
    Reseller.objects.filter(pk=acts.northeast.pk).update(deleted_at=timezone.now())

    acts.come_about(Event.EXPIRED)

    assert sent_to(mails) == [PARENT]


@pytest.mark.parametrize("email", ["amal@home.example\r\nBcc: x@y.example", "amal", "a@b@c", ""])
def test_what_is_no_address_is_left_out(email: str, acts: Acts, mails: MailPeer) -> None:
    tell(Event.EXPIRED, "subscriber")
    Subscriber.objects.filter(pk=acts.amal.pk).update(email=email)

    acts.come_about(Event.EXPIRED)

    assert not Message.objects.exists()


def test_what_a_name_holds_is_never_filled_in_or_executed(acts: Acts, mails: MailPeer) -> None:
    tell(Event.EXPIRED, "subscriber")
    name = "{{ username }} {% now 'Y' %} {{ settings.SECRET_KEY }}"
    Subscriber.objects.filter(pk=acts.amal.pk).update(full_name=name)

    acts.come_about(Event.EXPIRED)

    assert f"Dear {name}," in Message.objects.get().body
