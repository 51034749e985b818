"""Sending: once each, against a real mail server and a real gateway, whatever they answer and whoever is killed."""

import json
import smtplib
import socket
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from ispanel import messages
from ispanel.messages import Event, Occurrence, Way
from notifications import sending
from notifications.carrying import masked
from notifications.models import Channel, Message, Status, Template
from notifications.operations import retry_message
from notifications.templating import fill
from tests.cast import seat_of
from tests.notifications.peers import (
    GatewayPeer,
    MailPeer,
    certified,
    email_through,
    keep_secrets,
    mail_server,
    sms_through,
)
from tests.threads import at_once


def announce(way: Way = Way.EMAIL, to: str = "amal@home.example", *, key: str = "", **details: Any) -> Message:
    """Announce something to one address, and return the message."""
    key = key or uuid.uuid4().hex
    facts = {"username": "amal", "what": "email"}
    messages.announce(Occurrence(Event.CONTACT_CHANGED, key=key, facts=facts, to=(way, to), **details))
    return Message.objects.get(key=key, way=way)


def send(way: Way = Way.EMAIL) -> None:
    sending.send_waiting(way, for_seconds=30)


def again(message: Message) -> Message:
    message.refresh_from_db()
    return message


def rest_over() -> None:
    Message.objects.update(next_try_at=timezone.now())


# --- mail -------------------------------------------------------------------------------------------------------------


def test_a_mail_is_handed_over_and_the_answer_kept(mails: MailPeer) -> None:
    message = announce()

    send()

    [mail] = mails.mails
    assert mail["To"] == "amal@home.example"
    assert mail["From"] == "ISPanel <panel@isp.example>"
    assert mail["Subject"] == "Your sign-in details were changed"
    assert mail["Message-ID"] == f"<{message.public_id}@isp.example>"
    assert mail.get_content_type() == "text/plain"
    assert "Of the login amal was changed: email." in mail.get_content()
    assert again(message).status == Status.SENT
    assert (message.answer, message.attempts) == ("250 2.0.0 Taken as 4711", 1)
    assert message.closed_at


def test_what_was_sent_is_not_sent_again(mails: MailPeer) -> None:
    announce()

    send()
    rest_over()
    send()

    assert mails.arrived == 1


def test_many_go_over_one_connection(mails: MailPeer) -> None:
    for _number in range(5):
        announce()

    send()

    assert len(mails.mails) == 5
    assert not Message.objects.exclude(status=Status.SENT).exists()


@pytest.mark.parametrize("stage", ["to_rcpt", "to_data"])
def test_what_is_refused_for_now_is_tried_again_later_and_then_delivered(mails: MailPeer, stage: str) -> None:
    message = announce()
    setattr(mails, stage, "451 4.7.1 Greylisted, come back later")

    send()

    assert again(message).status == Status.WAITING
    assert message.answer == "451 4.7.1 Greylisted, come back later"
    assert timedelta(seconds=8) < message.next_try_at - timezone.now() <= timedelta(seconds=10)
    send()
    assert again(message).attempts == 1
    setattr(mails, stage, "250 OK")
    rest_over()
    send()
    assert again(message).status == Status.SENT
    assert (message.attempts, len(mails.mails)) == (2, 1)


def test_it_rests_longer_each_time_and_is_given_up_in_the_end(mails: MailPeer) -> None:
    message = announce()
    mails.to_rcpt = "450 4.2.1 Busy"

    rests = []
    for _number in range(sending.TRIES):
        send()
        rests.append(round((again(message).next_try_at - timezone.now()).total_seconds()))
        rest_over()

    assert rests[:5] == [10, 60, 300, 1800, 7200]
    assert (message.status, message.attempts, mails.arrived) == (Status.FAILED, 6, 0)


@pytest.mark.parametrize("stage", ["to_rcpt", "to_data"])
def test_what_is_refused_for_good_fails_at_once_and_the_next_one_goes(mails: MailPeer, stage: str) -> None:
    message = announce()
    setattr(mails, stage, "550 5.1.1 No such mailbox")

    send()
    setattr(mails, stage, "250 OK")
    after = announce()
    send()

    assert again(message).status == Status.FAILED
    assert (message.answer, message.attempts) == ("550 5.1.1 No such mailbox", 1)
    assert again(after).status == Status.SENT


@pytest.mark.parametrize("answer", ["553 5.7.1 Sender address rejected: not owned by user", "452 4.5.3 Busy"])
def test_a_sender_that_is_refused_is_the_channels_trouble_and_costs_no_try(mails: MailPeer, answer: str) -> None:
    messages_there = [announce(), announce()]
    mails.to_mail = answer

    for _number in range(sending.TRIES + 1):
        send()
        rest_over()

    assert {again(each).status for each in messages_there} == {Status.WAITING}
    assert {again(each).tries_left for each in messages_there} == {sending.TRIES}
    assert messages_there[0].answer == answer
    mails.to_mail = "250 OK"
    send()
    assert len(mails.mails) == 2


def test_a_server_that_is_away_costs_no_try_however_long(mails: MailPeer) -> None:
    Channel.objects.filter(way=Way.EMAIL).update(port=1)
    first, second = announce(), announce()

    send()

    assert again(first).status == Status.WAITING
    assert first.answer == "127.0.0.1:1 took no connection: check server and port. [Errno 111] Connection refused"
    assert (again(second).attempts, second.tries_left) == (0, sending.TRIES)
    for _number in range(2 * sending.TRIES):
        rest_over()
        send()
    email_through(mails)
    rest_over()
    send()
    assert len(mails.mails) == 2


@pytest.mark.parametrize(("minutes", "rest"), [(0, 10), (3, 180), (300, 600)])
def test_while_a_server_is_away_a_message_rests_as_long_as_it_has_waited_within_bounds(
    mails: MailPeer, minutes: int, rest: int
) -> None:
    Channel.objects.filter(way=Way.EMAIL).update(port=1)
    message = announce()
    Message.objects.update(asked_at=timezone.now() - timedelta(minutes=minutes))

    send()

    assert (again(message).next_try_at - timezone.now()).total_seconds() == pytest.approx(rest, abs=2)


def test_what_no_server_took_for_a_day_is_given_up_with_its_answer(mails: MailPeer) -> None:
    Channel.objects.filter(way=Way.EMAIL).update(port=1)
    message = announce()
    send()

    sending.look_after(timezone.now() + timedelta(hours=23))
    assert again(message).status == Status.WAITING
    sending.look_after(timezone.now() + timedelta(hours=25))

    assert again(message).status == Status.FAILED
    assert "refused" in message.answer


def test_an_answer_that_never_comes_leaves_it_uncertain(mails: MailPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifications.mail_server.PATIENCE_AT_THE_END", 0.3)
    mails.seconds = 1
    message = announce()

    send()

    assert again(message).status == Status.UNCERTAIN
    assert "before the server said whether it took the mail" in message.answer
    rest_over()
    send()
    assert mails.arrived == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the peer is on this machine
def test_it_signs_in_and_a_wrong_password_is_the_channels_trouble(db: None) -> None:
    with mail_server(asks_to_sign_in=True) as peer:
        channel = email_through(peer, username="panel")
        keep_secrets(channel, password="wrong")
        message = announce()
        send()
        assert again(message).status == Status.WAITING
        assert message.answer.startswith("535")

        keep_secrets(channel, password="open-sesame")
        rest_over()
        send()
        assert again(message).status == Status.SENT


def test_without_the_encryption_that_the_channel_asks_for_nothing_goes(mails: MailPeer) -> None:
    email_through(mails, security="starttls", username="panel")
    message = announce()

    send()

    assert (again(message).status, mails.arrived) == (Status.WAITING, 0)
    assert "STARTTLS" in message.answer


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("is_trusted", [True, False])
def test_mail_goes_encrypted_and_only_to_a_server_with_a_valid_certificate(
    security: str, is_trusted: bool, db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, chain = certified("localhost" if is_trusted else "another.example", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    with mail_server(**{security: context}) as peer:
        email_through(peer, host="localhost", security=security)
        message = announce()

        send()

        assert again(message).status == (Status.SENT if is_trusted else Status.WAITING)
        assert len(peer.mails) == is_trusted
        if not is_trusted:
            assert f"certificate of localhost:{peer.port} is not valid for this name: check the" in message.answer
            assert "certificate verify failed" in message.answer


def test_a_connection_that_the_server_ended_is_made_anew(mails: MailPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = announce(), announce()
    quit_after: list[smtplib.SMTP] = []
    claimed = sending.claimed

    def claimed_late(way: str) -> Message | None:
        """Let the connection be lost while it has nothing to say."""
        if quit_after:
            quit_after.pop().close()
        return claimed(way)

    connected = smtplib.SMTP.ehlo_or_helo_if_needed

    def noted(self: smtplib.SMTP) -> None:
        quit_after.append(self)
        connected(self)

    monkeypatch.setattr(smtplib.SMTP, "ehlo_or_helo_if_needed", noted)
    monkeypatch.setattr(sending, "claimed", claimed_late)
    send()

    assert [again(each).status for each in (first, second)] == [Status.SENT] * 2
    assert len(mails.mails) == 2


def test_a_server_that_takes_one_mail_on_each_connection_is_called_again(mails: MailPeer) -> None:
    mails.most_on_a_connection = 1
    for _number in range(3):
        announce()

    send()

    assert len(mails.mails) == 3
    assert set(Message.objects.values_list("status", "attempts")) == {(Status.SENT, 1)}


@pytest.mark.parametrize("name", ["Eve\r\nBcc: all@isp.example", "Eve\nSubject: x", 'Eve" <eve@x.example>, "', "إيف"])
def test_no_name_makes_a_header(mails: MailPeer, name: str) -> None:
    message = announce()
    Message.objects.filter(pk=message.pk).update(from_name=name[:150], subject=f"To {name}")

    send()

    [mail] = mails.mails
    assert mail["Bcc"] is None
    assert len(mail.get_all("Subject")) == len(mail.get_all("From")) == 1
    [sender] = mail["From"].addresses
    assert sender.addr_spec == "panel@isp.example"
    assert mail["Subject"] == " ".join(f"To {name}".split())


def test_a_text_that_looks_like_the_end_of_a_mail_arrives_whole(mails: MailPeer) -> None:
    message = announce()
    text = "First\n.\nQUIT\n..two\nlast"
    Message.objects.filter(pk=message.pk).update(body=text)

    send()

    [mail] = mails.mails
    assert mail.get_content().splitlines() == text.splitlines()


def test_an_address_that_no_mail_can_go_to_fails(mails: MailPeer) -> None:
    message = announce(to="amal@home.example")
    Message.objects.filter(pk=message.pk).update(recipient="أمل@home.example")

    send()

    assert (again(message).status, mails.arrived) == (Status.FAILED, 0)


# --- SMS --------------------------------------------------------------------------------------------------------------


def announce_sms() -> Message:
    return announce(Way.SMS, "+961 70 123-456")


def test_an_sms_is_handed_over_and_the_answer_kept(texts: GatewayPeer) -> None:
    message = announce_sms()

    send(Way.SMS)

    [request] = texts.requests
    assert request["path"] == "/send"
    assert request["headers"]["Content-Type"] == "application/json"
    assert f'"id": "{message.public_id}"' in request["body"]
    assert '"to": "+96170123456"' in request["body"]
    assert texts.texts == ["Of the login amal was changed: email. ISPanel"]
    assert (again(message).status, message.answer) == (Status.SENT, 'HTTP 200: {"result": "queued"}')


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_what_a_gateway_may_take_later_is_tried_again(texts: GatewayPeer, status: int) -> None:
    texts.status = status
    message = announce_sms()

    send(Way.SMS)

    assert (again(message).status, len(texts.requests)) == (Status.WAITING, 1)
    assert message.answer.startswith(f"HTTP {status}")
    texts.status = 200
    rest_over()
    send(Way.SMS)
    assert again(message).status == Status.SENT
    assert len(texts.requests) == 2


@pytest.mark.parametrize(
    ("status", "became"),
    [
        (301, Status.FAILED), (303, Status.FAILED), (400, Status.FAILED), (404, Status.FAILED),
        (500, Status.UNCERTAIN), (502, Status.UNCERTAIN), (504, Status.UNCERTAIN),
    ],
)  # fmt: skip
def test_what_may_have_been_sent_or_never_will_be_makes_no_second_sms(
    texts: GatewayPeer, status: int, became: Status
) -> None:
    texts.status, texts.location = status, f"{texts.address}/elsewhere"
    message = announce_sms()

    send(Way.SMS)
    rest_over()
    send(Way.SMS)

    assert (again(message).status, len(texts.requests)) == (became, 1)
    assert message.answer.startswith(f"HTTP {status}")
    assert message.can_be_retried


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_key_that_a_gateway_does_not_take_is_the_channels_trouble_and_costs_no_try(
    texts: GatewayPeer, status: int
) -> None:
    texts.status = status
    message = announce_sms()

    for _number in range(sending.TRIES + 1):
        send(Way.SMS)
        rest_over()

    assert (again(message).status, message.tries_left) == (Status.WAITING, sending.TRIES)
    texts.status = 200
    send(Way.SMS)
    assert again(message).status == Status.SENT


def test_the_answer_has_to_contain_what_the_channel_says_and_no_copy_goes_out_where_it_does_not(
    texts: GatewayPeer,
) -> None:
    sms_through(texts, answer_contains='"sent"')
    message = announce_sms()

    send(Way.SMS)
    rest_over()
    send(Way.SMS)
    assert (again(message).status, len(texts.requests)) == (Status.FAILED, 1)
    assert message.answer == 'The answer does not contain “"sent"”. HTTP 200: {"result": "queued"}'
    assert message.can_be_retried

    texts.answer = '{"result": "sent"}'
    message = announce_sms()
    send(Way.SMS)
    assert again(message).status == Status.SENT


def test_a_gateway_that_does_not_answer_leaves_it_uncertain(
    texts: GatewayPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.sms_gateway.PATIENCE", 0.3)
    texts.seconds = 1
    message = announce_sms()

    send(Way.SMS)
    rest_over()
    send(Way.SMS)

    assert (again(message).status, len(texts.requests)) == (Status.UNCERTAIN, 1)
    assert "before the gateway answered" in message.answer


def test_a_gateway_that_is_away_is_tried_again(texts: GatewayPeer) -> None:
    sms_through(texts, url="http://127.0.0.1:1/send")
    message = announce_sms()

    send(Way.SMS)

    assert (again(message).status, message.handed_over_at) == (Status.WAITING, None)
    assert message.answer == "127.0.0.1:1 took no connection: check server and port. [Errno 111] Connection refused"


@pytest.mark.parametrize(
    ("host", "details", "words"),
    [
        (
            "no-such-host.invalid",
            {},
            "The name of {where} is not known: check the server, and the DNS of this machine.",
        ),
        ("127.0.0.1", {"security": "tls"}, "{where} does not encrypt as the channel asks: check port and encryption."),
        ("127.0.0.1", {"security": "starttls"}, "{where} does not offer what the channel asks for: check encryption,"),
    ],
)
def test_a_server_that_cannot_be_spoken_to_is_told_with_what_to_check(
    mails: MailPeer, host: str, details: dict[str, Any], words: str
) -> None:
    email_through(mails, host=host, **details)
    mail = announce()
    scheme = "https" if details else "http"
    sms_through(GatewayPeer(port=mails.port), url=f"{scheme}://{host}:{mails.port}/send")
    sms = announce_sms()

    send()
    send(Way.SMS)

    where = f"{host}:{mails.port}"
    assert again(mail).answer.startswith(words.format(where=where))
    if details.get("security") != "starttls":  # which HTTP has nothing of
        assert again(sms).answer.startswith(words.format(where=where))


@pytest.mark.parametrize("security", ["none", "tls"])
def test_a_server_that_is_silent_is_told_with_what_to_check(
    db: None, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.mail_server.PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        email_through(MailPeer(port=port), security=security)
        message = announce()

        send()

    words = f"127.0.0.1:{port} does not answer: check server and port, and whether a firewall stands between. "
    assert again(message).answer.startswith(words)
    assert "timed out" in message.answer


def test_values_stay_values_in_url_form_and_json(texts: GatewayPeer) -> None:
    nasty = 'a&to=999 "quoted" \\ {{ key }} {% now %} #?/%0d\r\nX: y'
    keep_secrets(
        sms_through(texts, url=f"{texts.address}/send?to={{{{ to }}}}&text={{{{ text }}}}&key={{{{ key }}}}"),
        key="s&cret",
        headers="Authorization: Bearer abc\nX-Id: 7",
    )

    def hand_over(**details: Any) -> dict[str, Any]:
        Channel.objects.filter(way=Way.SMS).update(**details)
        message = announce_sms()
        Message.objects.filter(pk=message.pk).update(body=nasty)
        send(Way.SMS)
        return texts.requests[-1]

    by_get = hand_over(method="GET")
    assert by_get["method"] == "GET"
    assert parse_qs(urlsplit(by_get["path"]).query) == {"to": ["+96170123456"], "text": [nasty], "key": ["s&cret"]}
    assert by_get["headers"]["Authorization"] == "Bearer abc"
    assert "X" not in by_get["headers"]
    by_json = hand_over(method="POST", content_type="json")
    assert json.loads(by_json["body"])["text"] == nasty
    by_form = hand_over(content_type="form", body="to={{ to }}&text={{ text }}")
    assert parse_qs(by_form["body"]) == {"to": ["+96170123456"], "text": [nasty]}
    by_text = hand_over(content_type="plain", body="{{ to }} {{ text }}")
    assert by_text["body"] == f"+96170123456 {nasty}".replace("\r\n", " ")


def test_in_xml_a_value_is_text_and_in_plain_text_it_begins_no_line(texts: GatewayPeer) -> None:
    nasty = "</text><to>+1999</to> & \"x\" 'y'\x07\r\nإشعار\u200f\u2028to: +1999"
    channel = sms_through(texts, content_type="xml", body='<sms to="{{ to }}" about="{{ text }}">{{ text }}</sms>')
    message = announce_sms()
    Message.objects.filter(pk=message.pk).update(body=nasty)
    send(Way.SMS)

    [request] = texts.requests
    assert request["headers"]["Content-Type"] == "text/xml; charset=utf-8"
    found = ElementTree.fromstring(request["body"])
    assert (found.tag, list(found), found.text) == ("sms", [], nasty.replace("\x07", ""))
    assert found.attrib == {"to": "+96170123456", "about": nasty.replace("\x07", "")}

    Channel.objects.filter(pk=channel.pk).update(content_type="plain", body="to: {{ to }}\ntext: {{ text }}")
    message = announce_sms()
    Message.objects.filter(pk=message.pk).update(body=nasty)
    send(Way.SMS)

    assert len(texts.requests[-1]["body"].splitlines()) == 2
    assert "إشعار\u200f" in texts.requests[-1]["body"]


@pytest.mark.parametrize("repeated", ["s&cret/1", "s%26cret%2F1", "s&amp;cret/1", "Bearer t0ken", "t0ken"])
def test_what_a_gateway_repeats_of_its_keys_is_not_kept(texts: GatewayPeer, repeated: str) -> None:
    keep_secrets(sms_through(texts), key="s&cret/1", headers="Authorization: Bearer t0ken")
    texts.status, texts.answer = 400, f"bad key {repeated}, " + "x" * 450 + repeated
    message = announce_sms()

    send(Way.SMS)

    assert again(message).answer.startswith("HTTP 400: bad key •••, x")
    assert not any(part in message.answer for part in ("cret", "t0k"))


# --- once -------------------------------------------------------------------------------------------------------------


def test_what_is_announced_twice_is_told_once(mails: MailPeer) -> None:
    announce(key="one")
    announce(key="one")

    send()

    assert (Message.objects.count(), len(mails.mails)) == (1, 1)


def test_two_workers_at_once_send_each_message_once(committing: None, mails: MailPeer) -> None:
    mails.seconds = 0.05
    for _number in range(12):
        announce()

    at_once(send, send, send)

    assert mails.arrived == 12
    assert len({mail["Message-ID"] for mail in mails.mails}) == 12
    assert set(Message.objects.values_list("status", "attempts")) == {(Status.SENT, 1)}


def test_whoever_lost_its_claim_hands_nothing_over(mails: MailPeer, texts: GatewayPeer) -> None:
    for way, message in ((Way.EMAIL, announce()), (Way.SMS, announce_sms())):
        outlet = sending.outlet_of(Channel.objects.get(way=way))
        slow = sending.claimed(way)
        assert slow
        assert sending.claimed(way) is None
        Message.objects.filter(pk=message.pk).update(claimed_until=timezone.now())
        assert sending.claimed(way)

        with outlet:
            answer = sending.hand_over(slow, outlet)
            sending.settle(slow, answer, timezone.now())

        assert (again(message).status, message.handed_over_at, message.attempts) == (Status.WAITING, None, 2)
    assert (mails.arrived, texts.requests) == (0, [])


def test_what_was_being_handed_over_is_uncertain_and_never_sent_by_itself(mails: MailPeer) -> None:
    message = announce()
    claimed = sending.claimed(Way.EMAIL)
    assert claimed
    assert sending.begin(claimed)
    now = timezone.now()

    assert sending.look_after(now) == []
    assert again(message).status == Status.WAITING
    sending.look_after(now + sending.TO_HAND_OVER + timedelta(seconds=1))

    assert again(message).status == Status.UNCERTAIN
    assert message.answer.startswith("The worker ended while this was being handed over")
    rest_over()
    send()
    assert mails.arrived == 0


def test_an_answer_that_comes_late_counts_after_all(mails: MailPeer) -> None:
    message = announce()
    claimed = sending.claimed(Way.EMAIL)
    assert claimed
    sending.begin(claimed)
    sending.look_after(timezone.now() + timedelta(minutes=5))

    sending.settle(claimed, sending.Answer(sending.Verdict.ACCEPTED, "250 OK"), timezone.now())

    assert (again(message).status, message.answer) == (Status.SENT, "250 OK")


def test_what_opens_a_door_goes_before_all_that_waits_longer(texts: GatewayPeer) -> None:
    for _number in range(3):
        announce_sms()
    a_code()

    send(Way.SMS)

    assert ["code" in text for text in texts.texts] == [True, False, False, False]


def test_the_queue_is_read_in_its_order_from_an_index(by_owner: None) -> None:
    now = timezone.now()
    Message.objects.bulk_create((waiting_since(now, key=str(number)) for number in range(3000)), batch_size=500)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE messages")
        cursor.execute(f"EXPLAIN {sending.CLAIM}", {"claim": uuid.uuid4(), "until": now, "way": "email", "now": now})
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "messages_waiting" in plan
    assert "Sort" not in plan


def waiting_since(moment: datetime, *, key: str) -> Message:
    times = {"next_try_at": moment, "created_at": moment, "asked_at": moment}
    return Message(event="expired", key=key, way="email", recipient=f"a{key}@b.example", tries_left=1, **times)


def test_what_waits_for_a_channel_that_is_off_wakes_nobody_and_says_so_in_the_end(mails: MailPeer) -> None:
    message = announce()
    assert sending.look_after(timezone.now()) == [Way.EMAIL]
    Channel.objects.update(is_on=False)

    assert sending.look_after(timezone.now()) == []
    assert again(message).status == Status.WAITING
    sending.look_after(timezone.now() + timedelta(hours=25))

    assert again(message).status == Status.FAILED
    assert message.answer == "Its channel was off until it was too late to send it."


# --- secrets ----------------------------------------------------------------------------------------------------------


def a_code() -> Message:
    facts = {"username": "nadia", "code": "493817", "minutes": "10"}
    told = Occurrence(Event.PASSWORD_RESET, key="code", facts=facts, to=(Way.SMS, "+96170123456"), is_secret=True)
    messages.announce(told)
    return Message.objects.get(key="code")


def test_a_secret_is_encrypted_until_it_is_sent_and_erased_then(texts: GatewayPeer) -> None:
    texts.answer = '{"echo": "493817 is your code"}'
    message = a_code()
    assert holds_nowhere("493817")

    send(Way.SMS)

    assert texts.texts == ["493817 is your code for a new password, for 10 minutes. Tell it to nobody. ISPanel"]
    assert (again(message).status, message.secret_body, message.answer) == (Status.SENT, None, "HTTP 200")
    assert holds_nowhere("493817")


def test_a_subject_holds_no_secret_whatever_its_template_says(mails: MailPeer) -> None:
    Template.objects.filter(event=Event.PASSWORD_RESET, way=Way.EMAIL).update(
        subject="For {{ username }}: {{ link }}{{ code }}", body="{{ link }}"
    )
    facts = {"username": "nadia", "link": "https://panel.isp.example/x?token=493817", "minutes": "30"}
    told = Occurrence(Event.PASSWORD_RESET, key="a", facts=facts, to=(Way.EMAIL, "nadia@isp.example"), is_secret=True)

    messages.announce(told)

    assert Message.objects.get().subject == "For nadia:"
    assert holds_nowhere("493817")


def holds_nowhere(words: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messages WHERE messages::text LIKE %s", [f"%{words}%"])
        return bool(cursor.fetchone()[0] == 0)


def test_a_secret_is_given_up_sooner_and_erased_then(texts: GatewayPeer) -> None:
    texts.status = 503
    message = a_code()

    for _number in range(sending.TRIES_OF_SECRETS):
        send(Way.SMS)
        rest_over()

    assert (again(message).status, message.secret_body, message.attempts) == (Status.FAILED, None, 4)
    assert not message.can_be_retried


LINK, MASKED = "https://panel.north.test/i/T0ken-of-43_letters", "https://panel.north.test/i/…"


def an_invoice(way: Way = Way.SMS, *, key: str = "invoice:1") -> Message:
    """Return the message about an invoice, with the link at which it is read."""
    to = "+96170123456" if way == Way.SMS else "amal@home.example"
    facts = {"number": "INV-000001", "amount": "30.00 USD", "subscriber": "Amal", "link": LINK}
    messages.announce(Occurrence(Event.INVOICE_ISSUED, key=key, facts=facts, to=(way, to)))
    return Message.objects.get(key=key, way=way)


@pytest.mark.parametrize("way", list(Way))
def test_the_link_to_an_invoice_arrives_and_stays_nowhere_readable(
    way: Way, mails: MailPeer, texts: GatewayPeer
) -> None:
    texts.answer = f"queued: {LINK}"
    message = an_invoice(way)
    assert holds_nowhere("T0ken")
    assert MASKED in message.body
    assert set(message.facts) == {"issuer", "number", "amount", "subscriber"}

    send(way)

    arrived = texts.texts[0] if way == Way.SMS else mails.mails[0].get_content()
    assert LINK in arrived
    assert (again(message).status, message.secret_body) == (Status.SENT, None)
    assert holds_nowhere("T0ken")
    assert MASKED in message.body


def test_what_was_not_sent_keeps_its_link_encrypted_and_is_sent_whole_once_more(
    asha: User, mails: MailPeer, texts: GatewayPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, unknown, late = an_invoice(key="invoice:1"), an_invoice(key="invoice:2"), an_invoice(key="invoice:3")
    for message, status in ((refused, 400), (unknown, 502)):
        Message.objects.exclude(pk=message.pk).update(next_try_at=timezone.now() + timedelta(hours=1))
        rest_over_of(message)
        texts.status = status
        send(Way.SMS)
    sending.look_after(timezone.now() + timedelta(hours=25))
    became = [again(each).status for each in (refused, unknown, late)]
    assert became == [Status.FAILED, Status.UNCERTAIN, Status.FAILED]
    assert holds_nowhere("T0ken")

    texts.status = 200
    for message in (refused, unknown, late):
        retry_message(actor=seat_of(asha), message_id=message.pk, now=timezone.now())
        send(Way.SMS)

        assert LINK in texts.texts[-1]
        assert (again(message).status, message.secret_body) == (Status.SENT, None)


def rest_over_of(message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(next_try_at=timezone.now())


def test_a_message_without_its_link_is_as_readable_as_any_other(mails: MailPeer) -> None:
    Template.objects.filter(event=Event.INVOICE_ISSUED, way=Way.EMAIL).update(
        subject="{{ number }}", body="{{ amount }}"
    )

    message = an_invoice(Way.EMAIL)

    assert (message.is_masked, message.secret_body) == (False, None)
    assert message.body.startswith("30.00 USD")


def test_the_database_keeps_no_masked_message_that_could_be_sent_without_its_link(texts: GatewayPeer) -> None:
    message = an_invoice()

    with pytest.raises(IntegrityError, match="masked_messages_are_whole_until_sent"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(secret_body=None)
    with pytest.raises(IntegrityError, match="masked_messages_are_whole_until_sent"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(status=Status.SENT, closed_at=timezone.now())


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("https://panel.north.test/i/abc", "https://panel.north.test/i/…"),
        ("https://panel.north.test:8443/password/new/?token=a/b#c", "https://panel.north.test:8443/password/…"),
        ("https://panel.north.test/abc", "https://panel.north.test/…"),
        ("493817", "…"),
        ("", ""),
    ],
)
def test_a_mask_shows_where_an_address_leads_and_nothing_of_what_opens_it(secret: str, shown: str) -> None:
    assert masked(secret) == shown


@pytest.mark.parametrize(("is_secret", "hours"), [(False, 24), (True, 1)])
def test_what_could_not_be_sent_in_time_is_given_up(texts: GatewayPeer, is_secret: bool, hours: int) -> None:
    message = a_code() if is_secret else announce_sms()
    now = timezone.now()

    sending.look_after(now + timedelta(hours=hours, minutes=-1))
    assert again(message).status == Status.WAITING
    sending.look_after(now + timedelta(hours=hours, minutes=1))

    assert (again(message).status, message.answer) == (Status.FAILED, "It could not be sent in time.")


def test_the_log_forgets_after_180_days(mails: MailPeer) -> None:
    old, kept = announce(), announce()
    send()
    Message.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=181))

    assert sending.erase_old(timezone.now()) == 1

    assert list(Message.objects.all()) == [kept]


def test_the_log_of_the_worker_names_neither_address_nor_text(
    mails: MailPeer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    message = announce()

    def fail(*_args: Any) -> None:
        raise RuntimeError(f"amal@home.example {message.body}")

    monkeypatch.setattr("notifications.mail_server.MailServer.hand_over", fail)
    send()

    assert again(message).answer == "RuntimeError"
    assert "amal" not in caplog.text + str([record.__dict__ for record in caplog.records])


def test_braces_within_a_value_are_never_filled_in() -> None:
    assert fill("{{ a }} {{ b }}", {"a": "{{ b }}", "b": "x"}) == "{{ b }} x"
