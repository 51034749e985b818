"""Settings → Notifications: setting channels up and trying them, wording templates, turning rules on, the log."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.http import HttpResponse, QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.issuer import Issuer
from ispanel.key_rotation import all_encrypted
from ispanel.messages import Event, Occurrence, Way, announce
from ispanel.models import PanelSettings
from notifications import sending
from notifications.carrying import worded
from notifications.forms import LogForm
from notifications.models import Channel, Message, Rule, Status, Template
from resellers.models import Reseller
from subscribers.models import Subscriber
from subscribers.operations import expire_due
from tests.cast import signed_in
from tests.notifications.peers import JSON_BODY, GatewayPeer, MailPeer, sms_through, tell
from tests.notifications.test_sending import a_code, an_invoice
from tests.pages import body, error_at, filled, lines_of, links_of, rows_of, send

CHANNELS, EMAIL, SMS = (f"/settings/notifications/{path}" for path in ("", "email/", "sms/"))
TEMPLATES, RULES, LOG = (f"/settings/notifications/{path}/" for path in ("templates", "rules", "log"))


@pytest.fixture
def admin(asha: User) -> Client:
    return signed_in(asha)


def channel(way: Way) -> Channel:
    return Channel.objects.get(way=way)


def set_up_sms(client: Client, **typed: Any) -> HttpResponse:
    return client.post(SMS, filled(client.get(SMS), **typed))


def template_page(event: Event, way: Way = Way.EMAIL) -> str:
    return reverse("notifications:template", args=[Template.objects.get(event=event, way=way).pk])


def rule_of(event: Event, way: Way = Way.EMAIL) -> Rule:
    return Rule.objects.get(event=event, way=way)


# --- channels ---------------------------------------------------------------------------------------------------------

A_SERVER = {"host": "mail.isp.example", "port": "587", "security": "starttls", "from_address": "panel@isp.example"}
A_GATEWAY = {"url": "https://sms.example/send", "body": JSON_BODY}


def test_the_mail_server_is_set_up_with_its_password_encrypted_and_never_shown(admin: Client) -> None:
    response = send(admin, EMAIL, **A_SERVER, username="panel", password="open-sesame", is_on=True)

    assert response.status_code == 303
    assert channel(Way.EMAIL).is_on
    assert channel(Way.EMAIL).secrets == {"password": "open-sesame"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_channels::text FROM message_channels WHERE way = 'email'")
        assert "open-sesame" not in cursor.fetchone()[0]
    assert "open-sesame" not in admin.get(EMAIL).content.decode()
    told = AuditEntry.objects.get(action=Action.CHANNEL_CHANGED)
    assert told.changes["host"] == ["", "mail.isp.example"]
    assert "open-sesame" not in json.dumps(told.changes)


def test_an_empty_password_keeps_the_present_one_but_never_for_another_server(admin: Client) -> None:
    send(admin, EMAIL, **A_SERVER, username="panel", password="open-sesame")

    send(admin, EMAIL, from_name="Support")
    assert channel(Way.EMAIL).secrets == {"password": "open-sesame"}

    response = send(admin, EMAIL, host="evil.example")
    assert response.status_code == 422
    assert "Enter it anew" in error_at(response, "password")
    assert channel(Way.EMAIL).host == "mail.isp.example"


def test_the_gateways_secrets_stay_with_its_host(admin: Client) -> None:
    typed = {"url": "https://sms.example/send", "body": JSON_BODY, "headers": "X-Key: abc", "key": "k1"}
    set_up_sms(admin, **typed)

    response = set_up_sms(admin, url="https://evil.example/send")
    assert "Enter it anew" in error_at(response, "headers")
    assert set_up_sms(admin, url="https://sms.example/other").status_code == 303
    assert channel(Way.SMS).secrets == {"headers": "X-Key: abc", "key": "k1"}
    page = admin.get(SMS).content.decode()
    assert "X-Key: abc" not in page
    assert set_up_sms(admin, url="https://evil.example/send", forgets_secrets=True).status_code == 303
    assert channel(Way.SMS).secrets == {}


@pytest.mark.parametrize(
    ("address", "right", "wrong", "secret"),
    [
        (EMAIL, A_SERVER | {"username": "panel"}, {"port": "0"}, "password"),
        (SMS, A_GATEWAY, {"body": "{{ to }}"}, "key"),
    ],
)
@pytest.mark.parametrize("has_one", [True, False])
def test_a_secret_that_a_mistake_elsewhere_lost_has_to_be_typed_again(
    address: str, right: dict[str, str], wrong: dict[str, str], secret: str, has_one: bool, admin: Client
) -> None:
    held = channel(Way.EMAIL if address == EMAIL else Way.SMS)

    def sent(typed: str, **more: str) -> HttpResponse:
        return admin.post(address, filled(admin.get(address), **right | {secret: typed} | more))

    sent("the old one" if has_one else "")
    held.refresh_from_db()
    old = held.secrets

    refused = sent("the new one", **wrong)
    assert "the new one" not in refused.content.decode()
    for page in (refused, sent("", lost=secret)):
        assert error_at(page, secret) == "Type it again: it was not saved."
        assert "Empty keeps the present one" not in body(page)
        assert f'<input type="hidden" name="lost" value="{secret}">' in page.content.decode()
    held.refresh_from_db()
    assert held.secrets == old == ({secret: "the old one"} if has_one else {})

    assert sent("the new one", lost=secret).status_code == 303
    held.refresh_from_db()
    assert held.secrets == {secret: "the new one"}


def test_a_lost_key_is_asked_for_beside_headers_that_are_needed_anew_and_not_where_all_is_forgotten(
    admin: Client,
) -> None:
    set_up_sms(admin, **A_GATEWAY, headers="X-Key: abc", key="k1")

    refused = set_up_sms(admin, url="https://other.example/send", key="k2")

    assert "Enter it anew" in error_at(refused, "headers")
    assert error_at(refused, "key") == "Type it again: it was not saved."
    typed = filled(refused, key="", lost="key", forgets_secrets=True)
    assert admin.post(SMS, typed).status_code == 303
    assert channel(Way.SMS).secrets == {}


def test_headers_that_were_typed_are_still_there_after_a_mistake_elsewhere(admin: Client) -> None:
    refused = set_up_sms(admin, **A_GATEWAY | {"body": "{{ to }}"}, headers="X-Key: abc")

    assert "X-Key: abc" in refused.content.decode()


def test_the_trail_holds_no_key_of_an_address(admin: Client) -> None:
    set_up_sms(admin, url="https://sms.example/send?apikey=s3cret&to={{ to }}&text={{ text }}", method="GET")

    told = AuditEntry.objects.get(action=Action.CHANNEL_CHANGED)
    assert told.changes["url"] == ["", "https://sms.example/send"]
    assert "s3cret" not in json.dumps(told.changes)


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"url": "ftp://sms.example/{{ to }}{{ text }}"}, "url", "Write it as https://"),
        ({"url": "https://{{ to }}.example/{{ text }}"}, "url", "Neither variables nor a password"),
        ({"url": "https://user:pw@sms.example/"}, "url", "Neither variables nor a password"),
        ({"url": "https://sms.example/{{ to|safe }}"}, "url", "“{{ to|safe }}” is not understood"),
        ({"url": "https://sms.example/{{ settings }}"}, "url", "There is no variable “settings” here"),
        ({"body": '{"to": {{ to }}, "text": "{{ text }}"}'}, "body", "This is no JSON"),
        ({"body": "{% now %}"}, "body", "Write no {% … %}"),
        ({"body": '{"to": "{{ to }}"}'}, "url", "{{ to }} and {{ text }} have to stand"),
        ({"body": ""}, "body", "Say what is posted"),
        ({"headers": "no colon"}, "headers", "one header per line"),
        ({"headers": "X Key: 1"}, "headers", "one header per line"),
        ({"headers": "Host: evil.example"}, "headers", "cannot be set"),
        ({"headers": "content-type: text/xml"}, "headers", "cannot be set"),
        ({"content_type": "xml", "body": "<to>{{ to }}<text>{{ text }}</text>"}, "body", "This is no XML"),
    ],
)
def test_a_gateway_that_makes_no_request_is_refused_with_what_to_do(
    typed: dict[str, str], field: str, words: str, admin: Client
) -> None:
    response = set_up_sms(admin, **{"url": "https://sms.example/send", "body": JSON_BODY} | typed)

    assert response.status_code == 422
    assert words in error_at(response, field)
    assert not channel(Way.SMS).is_set_up


def test_the_secrets_of_messages_are_rotated_with_all_others() -> None:
    assert {str(each) for each in all_encrypted()} >= {"message channels", "messages"}


# --- tests of channels ------------------------------------------------------------------------------------------------


def test_a_test_goes_out_now_and_shows_the_servers_answer(admin: Client, mails: MailPeer) -> None:
    Channel.objects.update(is_on=False)

    response = send(admin, f"{EMAIL}tests/", to="me@isp.example")

    assert response.status_code == 200
    assert "Taken The provider answered: 250 2.0.0 Taken as 4711" in body(response)
    [mail] = mails.mails
    assert (mail["To"], mail["Subject"]) == ("me@isp.example", "Test from ISPanel")
    told = AuditEntry.objects.get(action=Action.CHANNEL_TESTED)
    assert told.detail == "me@isp.example: taken. 250 2.0.0 Taken as 4711"
    assert not Message.objects.exists()


def test_a_bad_answer_is_shown_as_well(admin: Client, mails: MailPeer, texts: GatewayPeer) -> None:
    mails.to_rcpt = "550 5.7.1 Relaying denied"
    texts.status, texts.answer = 401, '{"error": "<b>bad key</b>"}' + "x" * 2000

    refused = send(admin, f"{EMAIL}tests/", to="me@isp.example")
    unauthorised = send(admin, f"{SMS}tests/", to="+961 3 123456")

    assert "Not taken The provider answered: 550 5.7.1 Relaying denied" in body(refused)
    assert 'Not taken The provider answered: HTTP 401: {"error": "<b>bad key</b>"}xxx' in body(unauthorised)
    assert "&lt;b&gt;bad key" in unauthorised.content.decode()
    assert "x" * 500 not in body(unauthorised)


def test_the_trail_of_a_test_holds_the_status_and_nothing_that_the_gateway_repeats(
    admin: Client, texts: GatewayPeer
) -> None:
    set_up_sms(admin, url=f"{texts.address}/send", body=JSON_BODY, key="s3cret-key")
    texts.status, texts.answer = 401, "no such key: s3cret-key, of account 4711"

    shown = body(send(admin, f"{SMS}tests/", to="+961 3 123456"))

    assert "HTTP 401: no such key: •••, of account 4711" in shown
    assert AuditEntry.objects.get(action=Action.CHANNEL_TESTED).detail == "+9613123456: not taken. HTTP 401"


@pytest.mark.parametrize(
    ("page", "to", "words"),
    [
        (EMAIL, "nobody", "Enter an email address"),
        (EMAIL, "a@b.example\r\nBcc: c@d.example", "Enter an email address"),
        (SMS, "call me", "Enter a phone number"),
    ],
)
def test_what_is_no_recipient_is_refused(page: str, to: str, words: str, admin: Client, mails: MailPeer) -> None:
    response = send(admin, f"{page}tests/", to=to)

    assert words in error_at(response, "to")
    assert mails.arrived == 0


def test_tests_are_limited(admin: Client, mails: MailPeer) -> None:
    for _number in range(10):
        send(admin, f"{EMAIL}tests/", to="me@isp.example")

    response = send(admin, f"{EMAIL}tests/", to="me@isp.example")

    assert "Too many attempts" in error_at(response, "to")
    assert mails.arrived == 10


def test_a_channel_without_a_server_cannot_be_tested(admin: Client) -> None:
    assert "Set the channel up first." in body(send(admin, f"{EMAIL}tests/", to="me@isp.example"))


# --- templates --------------------------------------------------------------------------------------------------------


def test_a_template_is_worded_and_goes_back_to_the_shipped_text(
    admin: Client, amal: Subscriber, mails: MailPeer
) -> None:
    page, held = template_page(Event.EXPIRED), Template.objects.get(event=Event.EXPIRED, way=Way.EMAIL)

    assert send(admin, page, subject="Over, {{ name }}", body="Plan {{plan}} is over.").status_code == 303

    held.refresh_from_db()
    assert held.text == ("Over, {{ name }}", "Plan {{plan}} is over.")
    assert AuditEntry.objects.get(action=Action.MESSAGE_TEMPLATE_CHANGED).object_name == "Expired · Email"
    assert "Own words" in body(admin.get(page))
    assert admin.post(page.replace("edit/", "shipped-text/")).status_code == 303
    held.refresh_from_db()
    assert not held.is_changed
    assert held.text.subject == "Your internet has expired"


def test_the_shipped_text_saved_as_it_is_counts_as_shipped(admin: Client) -> None:
    send(admin, template_page(Event.EXPIRED))

    assert not Template.objects.exclude(body="").exists()


#: What is no variable of the template, and the words in which it is refused.
NOT_UNDERSTOOD = [
    ("{{ settings.SECRET_KEY }}", "“{{ settings.SECRET_KEY }}” is not understood"),
    ("{{ name|safe }}", "“{{ name|safe }}” is not understood"),
    ("{{ name.__class__ }}", "is not understood"),
    ("{{ password }}", "There is no variable “password” here."),
    ("{% debug %}", "Write no {% … %}"),
    ("{# a #}", "Write no {% … %}"),
    ("{{ name", "A variable’s braces are not closed"),
    ("name }}", "A variable’s braces are not closed"),
    ("{{{{ name }}", "A variable’s braces are not closed"),
    ("{{ }}", "is not understood"),
]


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        *[(field, text, words) for field in ("subject", "body") for text, words in NOT_UNDERSTOOD],
        ("body", "{{\nname }}", "is not understood"),  # a subject has one line
    ],
)
def test_a_template_with_anything_but_its_variables_is_refused_with_what_may_be_used(
    field: str, text: str, words: str, admin: Client
) -> None:
    response = send(admin, template_page(Event.EXPIRED), **{field: text})

    assert response.status_code == 422
    assert words in error_at(response, field)
    assert "You may use {{ username }}, {{ name }}, {{ plan }}" in error_at(response, field)
    assert not Template.objects.exclude(body="").exists()


@pytest.mark.parametrize(("way", "name"), [(Way.EMAIL, "link"), (Way.SMS, "code")])
def test_a_reset_without_its_link_or_code_is_refused(way: Way, name: str, admin: Client) -> None:
    response = send(admin, template_page(Event.PASSWORD_RESET, way), body="Hello {{ username }}")

    assert f"It has to hold {{{{ {name} }}}}" in error_at(response, "body")


@pytest.mark.parametrize(
    ("event", "name"),
    [(Event.PASSWORD_RESET, "link"), (Event.PASSWORD_RESET, "code"), (Event.INVOICE_ISSUED, "link")],
)
def test_what_opens_a_door_is_refused_in_a_subject_which_is_not_encrypted(
    event: Event, name: str, admin: Client
) -> None:
    page = template_page(event)

    response = send(admin, page, subject=f"{{{{{name}}}}}", body="{{ link }}")

    assert response.status_code == 422
    assert f"“{name}” may stand in the text alone, which is kept encrypted." in error_at(response, "subject")
    assert not Template.objects.exclude(body="").exists()
    assert f"“{name}” may stand in the text alone" in body(preview(admin, page, subject=f"{{{{{name}}}}}", body="x"))


def preview(client: Client, page: str, **typed: str) -> HttpResponse:
    return client.post(page, typed, headers={"HX-Request": "true", "HX-Target": "preview"})


def test_the_preview_follows_what_is_typed_with_somebody_real(admin: Client, amal: Subscriber) -> None:
    response = preview(admin, template_page(Event.EXPIRED), subject="Dear {{ name }}", body="{{ plan }} <b>x</b>")

    assert "<html" not in response.content.decode()
    shown = body(response)
    assert "Of the subscriber amal" in shown
    assert "Dear Amal Khoury" in shown
    assert "Home &lt;b&gt;x&lt;/b&gt;" in response.content.decode()
    assert not Template.objects.exclude(body="").exists()


def test_the_preview_has_a_button_for_those_without_javascript(admin: Client, amal: Subscriber) -> None:
    page = template_page(Event.EXPIRED, Way.SMS)

    response = admin.post(page, {"body": "Plan {{ plan }} of {{ nobody }}", "preview": "on"})

    assert response.status_code == 200
    assert "Plan Home of" in body(response)
    assert "There is no variable “nobody” here." in body(response)
    assert "Plan {{ plan }} of {{ nobody }}" in response.content.decode()
    assert not Template.objects.exclude(body="").exists()


def test_the_preview_is_of_the_latest_message_where_there_is_one(
    admin: Client, amal: Subscriber, mails: MailPeer
) -> None:
    tell(Event.EXPIRED, "subscriber")
    expire(amal)

    shown = body(preview(admin, template_page(Event.EXPIRED), subject="x", body="{{ username }} {{ issuer }}"))

    assert "Of the latest message about this, to amal@home.example" in shown
    assert "amal ISPanel" in shown


def test_the_preview_is_signed_as_the_message_was_and_where_there_is_none_as_the_first_one_would_be(
    admin: Client, amal: Subscriber, mails: MailPeer
) -> None:
    PanelSettings.objects.update(company_name="Example ISP", company_address="1 Main Road", reseller_is_issuer=True)
    Reseller.objects.filter(pk=amal.reseller_id).update(company_name="Northeast Net", address="7 Harbour Street")
    tell(Event.EXPIRED, "subscriber")
    own, house = "of Northeast Net -- Northeast Net 7 Harbour Street", "of Example ISP -- Example ISP 1 Main Road"

    def shown(event: Event = Event.EXPIRED) -> str:
        return body(preview(admin, template_page(event), subject="x", body="of {{ issuer }}"))

    assert own in shown()
    assert house in shown(Event.RENEWAL_FAILED)
    expire(amal)
    PanelSettings.objects.update(reseller_is_issuer=False)
    assert "the latest message about this" in shown()
    assert own in shown()
    Message.objects.all().delete()
    expire(amal)
    PanelSettings.objects.update(reseller_is_issuer=True)
    assert "the latest message about this" in shown()
    assert house in shown()


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Received.\n{{ plan }}\n\n{{ name }}", "Received.\n\nAmal"),
        ("Received.\n\n{{ plan }} \n\n{{ name }}", "Received.\n\nAmal"),
        ("{{ plan }}\n{{ name }}\n{{ plan }}", "Amal"),
        ("One\n\ntwo\nthree", "One\n\ntwo\nthree"),
    ],
)
def test_a_blank_variable_leaves_no_two_blank_lines_in_a_row(typed: str, shown: str) -> None:
    assert worded(typed, {"plan": "", "name": "Amal"}, Way.SMS, Issuer("Example ISP", "")) == shown


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("way", list(Way))
def test_every_template_has_a_page_with_its_variables(event: Event, way: Way, admin: Client) -> None:
    shown = body(admin.get(template_page(event, way)))

    assert "{{ issuer }} Who writes" in shown
    assert "sample words" in shown


def expire(line: Subscriber) -> None:
    now = timezone.now()
    Subscriber.objects.filter(pk=line.pk).update(expires_at=now - timedelta(minutes=1), expired_at=None)
    expire_due(reseller_id=line.reseller_id, now=now)


# --- rules ------------------------------------------------------------------------------------------------------------


def test_shipped_rules_are_all_off_and_a_switch_turns_one_on_and_off(
    admin: Client, amal: Subscriber, mails: MailPeer
) -> None:
    assert not Rule.objects.filter(is_on=True).exists()
    rule = rule_of(Event.EXPIRED)
    switch = reverse("notifications:switch", args=[rule.pk])

    assert admin.post(switch, {"is_on": "on"}).status_code == 303
    expire(amal)
    assert Message.objects.count() == 1
    admin.post(switch, {"is_on": "off"})
    Subscriber.objects.filter(pk=amal.pk).update(expires_at=timezone.now() - timedelta(days=1))
    expire(amal)

    assert Message.objects.count() == 1
    changes = AuditEntry.objects.filter(action=Action.MESSAGE_RULE_CHANGED).order_by("pk")
    assert [row.changes["is_on"] for row in changes] == [[False, True], [True, False]]


def test_a_switch_leads_back_to_its_rule_or_answers_with_the_list_alone(admin: Client) -> None:
    rule = rule_of(Event.RENEWED, Way.SMS)
    switch = reverse("notifications:switch", args=[rule.pk])

    plain = admin.post(switch, {"is_on": "on"})
    assert plain.headers["Location"] == f"{RULES}#rule-{rule.pk}"
    assert f'id="rule-{rule.pk}"' in admin.get(RULES).content.decode()

    page = admin.post(switch, {"is_on": "off"}, headers={"HX-Request": "true", "HX-Target": "results"})
    assert page.status_code == 200
    assert "HX-Target" in page.headers["Vary"]
    assert json.loads(page.headers["HX-Trigger"])["toast"]["text"] == "Renewed · SMS is not told any more."
    assert "<html" not in page.content.decode()
    assert len(rows_of(page)) == 18


def test_each_rule_leads_to_its_own_page_and_to_its_template(admin: Client) -> None:
    links = links_of(admin.get(RULES))

    for rule in Rule.objects.all():
        assert reverse("notifications:rule", args=[rule.pk]) in links
        assert template_page(Event(rule.event), Way(rule.way)) in links


def test_a_rule_says_who_is_told(admin: Client) -> None:
    rule = rule_of(Event.EXPIRED)
    page = reverse("notifications:rule", args=[rule.pk])

    response = admin.post(
        page, {"is_on": "on", "recipients": ["subscriber", "admins"], "addresses": "a@isp.example\n\nb@isp.example"}
    )

    assert response.status_code == 303
    rule.refresh_from_db()
    assert (rule.recipients, rule.addresses) == (["subscriber", "admins"], ["a@isp.example", "b@isp.example"])
    assert "The subscriber, All admins, a@isp.example, b@isp.example" in body(admin.get(RULES))


@pytest.mark.parametrize(
    ("event", "typed", "field", "words"),
    [
        (Event.EXPIRED, {"is_on": "on"}, "recipients", "Say who is told"),
        (Event.EXPIRED, {"recipients": ["login"]}, "recipients", "Select a valid choice"),
        (Event.RENEWAL_FAILED, {"recipients": ["subscriber"]}, "recipients", "Select a valid choice"),
        (Event.EXPIRED, {"addresses": "not one"}, "addresses", "“not one” cannot be sent to."),
        (Event.EXPIRING_SOON, {"recipients": ["subscriber"], "days": "61"}, "days", "less than or equal to 60"),
        (Event.EXPIRING_SOON, {"recipients": ["subscriber"], "days": "0"}, "days", "greater than or equal to 1"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    event: Event, typed: dict[str, Any], field: str, words: str, admin: Client
) -> None:
    response = admin.post(reverse("notifications:rule", args=[rule_of(event).pk]), typed)

    assert response.status_code == 422
    assert words in error_at(response, field)


def test_a_rule_that_tells_nobody_is_not_turned_on_by_its_switch(admin: Client) -> None:
    rule = rule_of(Event.EXPIRED)
    Rule.objects.filter(pk=rule.pk).update(recipients=[])

    response = admin.post(reverse("notifications:switch", args=[rule.pk]), {"is_on": "on"}, follow=True)

    assert "Say who is told before you turn it on." in body(response)
    assert not Rule.objects.filter(is_on=True).exists()


# --- the log ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(admin: Client, amal: Subscriber, mails: MailPeer, texts: GatewayPeer) -> list[Message]:
    """Return a mail that was sent, an SMS that failed, and a reset whose text is erased."""
    tell(Event.EXPIRED, "subscriber")
    tell(Event.EXPIRED, "subscriber", way=Way.SMS)
    expire(amal)
    texts.status, texts.answer = 503, "Busy"
    sending.send_waiting(Way.EMAIL)
    Message.objects.filter(way=Way.SMS).update(tries_left=1)
    sending.send_waiting(Way.SMS)
    return list(Message.objects.order_by("way"))


def test_the_log_shows_what_became_of_each_message(admin: Client, three: list[Message]) -> None:
    rows = sorted(row[1:] for row in rows_of(admin.get(LOG)))

    assert rows == [
        ["+96170123456", "Expired amal", "SMS", "Failed", "HTTP 503: Busy", "1"],
        ["amal@home.example", "Expired amal", "Email", "Sent", "250 2.0.0 Taken as 4711", "1"],
    ]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=failed", 1),
        ("status=waiting", 0),
        ("way=sms", 1),
        ("event=expired", 2),
        ("event=renewed", 0),
        ("q=AMAL@", 1),
        ("q=mal@", 0),
        ("q=AMAL", 2),
        ("q=mal", 0),
        ("q=am%25", 0),
        ("subscriber=amal", 2),
        ("subscriber=ama", 0),
        ("subscriber=AMAL&way=sms", 1),
        ("q=%2B961 70-12", 1),
        ("start=2020-01-01", 2),
        ("end=2020-01-01", 0),
        ("status=nonsense&start=x", 2),
    ],
)
def test_the_log_is_filtered_in_its_address(query: str, count: int, admin: Client, three: list[Message]) -> None:
    assert len(rows_of(admin.get(f"{LOG}?{query}"))) == count


def test_the_log_as_a_file_is_what_the_page_lists_and_says_nothing_of_the_texts(
    admin: Client, three: list[Message]
) -> None:
    a_code()
    text = admin.get(f"{LOG}export").getvalue().decode()  # type: ignore[attr-defined]
    [line] = lines_of(admin.get(f"{LOG}export?status=failed"))

    assert line.pop("Time") <= line.pop("Ended")
    assert line == {
        "Recipient": "'+96170123456",
        "Subscriber": "amal",
        "Reseller": three[1].reseller.public_name,
        "Event": "Expired",
        "Channel": "SMS",
        "Subject": "",
        "Status": "Failed",
        "Attempts": "1",
        "Provider’s answer": "HTTP 503: Busy",
        "Message ID": str(three[1].public_id),
    }
    assert f'href="{LOG}export?status=failed"' in admin.get(f"{LOG}?status=failed&page=1").content.decode()
    assert "Amal Khoury" not in text
    assert "493817" not in text
    assert [entry.changes for entry in AuditEntry.objects.filter(action=Action.MESSAGES_EXPORTED).order_by("pk")] == [
        {"rows": [None, 3]},
        {"rows": [None, 1], "status": [None, "Failed"]},
    ]


def test_a_message_shows_what_it_said_and_a_failed_one_is_sent_once_more(
    admin: Client, three: list[Message], texts: GatewayPeer
) -> None:
    mail, sms = three
    page = reverse("notifications:message", args=[sms.pk])
    assert "Dear Amal Khoury" in body(admin.get(reverse("notifications:message", args=[mail.pk])))
    assert "Send once more" in body(admin.get(page))

    texts.status = 200
    assert admin.post(f"{page}retries/").status_code == 303
    sending.send_waiting(Way.SMS)

    sms.refresh_from_db()
    assert (sms.status, sms.attempts, len(texts.requests)) == (Status.SENT, 2, 2)
    told = AuditEntry.objects.get(action=Action.MESSAGE_RETRIED)
    assert told.changes == {"status": ["failed", "waiting"]}
    assert "Send once more" not in body(admin.get(page))


def test_what_is_sent_or_waits_or_has_its_channel_off_is_not_sent_once_more(
    admin: Client, three: list[Message]
) -> None:
    mail, sms = three
    Channel.objects.filter(way=Way.SMS).update(is_on=False)

    for message, words in ((mail, "cannot be sent once more"), (sms, "SMS is turned off")):
        page = reverse("notifications:message", args=[message.pk])
        assert words in body(admin.post(f"{page}retries/", follow=True))

    assert not AuditEntry.objects.filter(action=Action.MESSAGE_RETRIED).exists()


# --- whom it is about -------------------------------------------------------------------------------------------------


def test_a_message_leads_to_its_line_and_reseller_and_the_line_to_its_messages(
    admin: Client, three: list[Message], amal: Subscriber, nadia: User
) -> None:
    line, reseller = f"/subscribers/{amal.pk}/", f"/resellers/{amal.reseller_id}/"
    messages = f"{LOG}?subscriber=amal"

    page = admin.get(page_of(three[0]))

    assert {line, reseller} <= links_of(page)
    assert "Told as The subscriber Subscriber amal Reseller" in body(page)
    assert line in links_of(admin.get(LOG))
    assert messages in links_of(admin.get(line))
    assert {row[1] for row in rows_of(admin.get(messages))} == {"amal@home.example", "+96170123456"}
    assert messages not in links_of(signed_in(nadia).get(line))


def page_of(message: Message) -> str:
    return reverse("notifications:message", args=[message.pk])


def moved_to(client: Client, message: Message, to: str) -> HttpResponse:
    """Have a message sent to the present address that its page named."""
    return client.post(f"{page_of(message)}copies/", {"to": to}, follow=True)


def test_what_did_not_arrive_is_sent_to_the_present_address_once_and_its_page_says_so(
    admin: Client, three: list[Message], amal: Subscriber, texts: GatewayPeer
) -> None:
    _mail, sms = three
    texts.status = 200
    assert "Send to" not in body(admin.get(page_of(sms)))
    Subscriber.objects.filter(pk=amal.pk).update(phone="+961 71 000 111")

    assert "Send to +96171000111" in body(admin.get(page_of(sms)))
    for _twice in range(2):
        assert "This is the message to +96171000111." in body(moved_to(admin, sms, "+96171000111"))
        sending.send_waiting(Way.SMS)

    copy = Message.objects.get(recipient="+96171000111")
    assert (copy.status, copy.body, copy.subscriber, copy.told_as) == (Status.SENT, sms.body, amal, "subscriber")
    assert [json.loads(each["body"])["to"] for each in texts.requests] == ["+96170123456", "+96171000111"]
    told = AuditEntry.objects.get(action=Action.MESSAGE_REDIRECTED)
    assert (told.object_id, told.changes) == (sms.pk, {"recipient": ["+96170123456", "+96171000111"]})
    shown = admin.get(page_of(sms))
    assert "There is one to the present address, +96171000111. Sent" in body(shown)
    assert page_of(copy) in links_of(shown)
    assert "Send to" not in body(shown)


def test_a_reseller_is_told_at_the_present_address_of_its_login_as_long_as_it_is_there(
    admin: Client, amal: Subscriber, mails: MailPeer
) -> None:
    tell(Event.EXPIRED, "reseller", "parent", "admins", addresses=["office@isp.example"])
    mails.to_rcpt = "550 5.1.1 No such mailbox"
    expire(amal)
    sending.send_waiting(Way.EMAIL)
    User.objects.update(email=Concat("username", Value("@new.example")))

    asked = {each.told_as: body(admin.get(page_of(each))) for each in Message.objects.all()}

    assert {told_as for told_as, shown in asked.items() if "Send to" in shown} == {"reseller"}
    assert set(asked) == {"reseller", "parent", "admins", ""}
    assert "Send to noora@new.example" in asked["reseller"]
    Reseller.objects.filter(pk=amal.reseller_id).update(deleted_at=timezone.now())
    message = Message.objects.get(told_as="reseller")
    assert "Send to" not in body(admin.get(page_of(message)))
    assert "The address was changed in the meantime." in body(moved_to(admin, message, "noora@new.example"))


def test_the_link_to_an_invoice_goes_whole_to_the_present_address(
    admin: Client, amal: Subscriber, texts: GatewayPeer
) -> None:
    tell(Event.INVOICE_ISSUED, "subscriber", way=Way.SMS)
    link = "https://panel.north.test/i/T0ken"
    announce(Occurrence(Event.INVOICE_ISSUED, key="1", facts={"number": "INV-1", "link": link}, subscriber=amal))
    texts.status = 400
    sending.send_waiting(Way.SMS)
    Subscriber.objects.filter(pk=amal.pk).update(phone="+961 71 000 111")

    texts.status = 200
    response = moved_to(admin, Message.objects.get(), "+96171000111")
    sending.send_waiting(Way.SMS)

    assert link in texts.texts[-1]
    assert "https://panel.north.test/i/…" in body(response)
    assert "T0ken" not in response.content.decode()


@pytest.mark.parametrize("to", ["", "+96170123456", "+96171000112"])
def test_a_message_goes_to_no_address_but_the_present_one(
    to: str, admin: Client, three: list[Message], amal: Subscriber
) -> None:
    Subscriber.objects.filter(pk=amal.pk).update(phone="+961 71 000 111")

    assert "The address was changed in the meantime." in body(moved_to(admin, three[1], to))

    assert Message.objects.count() == 2
    assert not AuditEntry.objects.filter(action=Action.MESSAGE_REDIRECTED).exists()


def test_what_arrived_or_has_its_channel_off_goes_to_no_other_address(
    admin: Client, three: list[Message], amal: Subscriber
) -> None:
    Subscriber.objects.filter(pk=amal.pk).update(phone="+961 71 000 111", email="amal@new.example")
    Channel.objects.filter(way=Way.SMS).update(is_on=False)
    mail, sms = three

    assert "Send to" not in body(admin.get(page_of(mail)))
    assert "cannot be sent once more" in body(moved_to(admin, mail, "amal@new.example"))
    assert "SMS is turned off" in body(moved_to(admin, sms, "+96171000111"))

    assert Message.objects.count() == 2


def test_what_opens_a_door_is_hidden_in_the_log(admin: Client, texts: GatewayPeer) -> None:
    message = a_code()
    page = reverse("notifications:message", args=[message.pk])

    assert "the text is encrypted" in body(admin.get(page))
    assert "493817" not in admin.get(page).content.decode()
    sending.send_waiting(Way.SMS)
    assert "the text is erased" in body(admin.get(page))


def test_a_link_to_an_invoice_is_masked_in_the_log_and_in_the_preview_of_the_latest_message(
    admin: Client, texts: GatewayPeer
) -> None:
    message = an_invoice(Way.SMS)
    page = reverse("notifications:message", args=[message.pk])

    waiting = admin.get(page)
    sending.send_waiting(Way.SMS)
    sent = admin.get(page)
    template = admin.get(template_page(Event.INVOICE_ISSUED, Way.SMS))

    assert "Invoice INV-000001: 30.00 USD. https://panel.north.test/i/… ISPanel" in body(waiting)
    assert "The whole text is encrypted, and erased once it is sent." in body(waiting)
    assert "The whole text was erased when it was sent." in body(sent)
    assert "Of the latest message about this, to +96170123456" in body(template)
    assert "https://panel.example.com/i/" in body(template)
    assert not any("T0ken" in each.content.decode() for each in (waiting, sent, template))


def test_the_pages_take_as_many_queries_for_many_messages_as_for_few(admin: Client, three: list[Message]) -> None:
    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(url).status_code == 200
        return len(captured)

    urls = (CHANNELS, TEMPLATES, RULES, LOG)
    few = [queries(url) for url in urls]
    now = timezone.now()
    Message.objects.bulk_create(
        Message(
            event="expired", key=str(number), way="email", recipient="a@b.example",
            tries_left=1, next_try_at=now, created_at=now, asked_at=now,
            subscriber_id=three[0].subscriber_id, reseller_id=three[0].reseller_id,
        )
        for number in range(40)
    )  # fmt: skip

    assert [queries(url) for url in urls] == few
    assert max(few) <= 10


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("status=failed", "messages_by_status"),
        ("event=renewed", "messages_by_event"),
        ("q=amal@home", "messages_by_recipient"),
        ("q=amal", "messages_by_subscriber"),
        ("subscriber=amal", "messages_by_subscriber"),
    ],
)
def test_the_log_finds_few_of_many_messages_by_an_index(query: str, index: str, by_owner: None) -> None:
    now = timezone.now()
    rows = (
        Message(
            event="expired", key=str(number), way="email", recipient=f"line{number}@b.example", status=Status.SENT,
            tries_left=1, next_try_at=now, created_at=now, asked_at=now, closed_at=now,
        )
        for number in range(3000)
    )  # fmt: skip
    Message.objects.bulk_create(rows, batch_size=500)
    form = LogForm(QueryDict(query))
    form.is_valid()

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE messages")
    plan = form.apply(Message.objects.all())[:25].explain()
    assert index in plan
    assert "Seq Scan on messages" not in plan


def test_only_admins_see_any_of_it(three: list[Message], nadia: User, petra: User) -> None:
    paths = [CHANNELS, EMAIL, SMS, f"{EMAIL}tests/", TEMPLATES, template_page(Event.EXPIRED), RULES, LOG]
    paths += [reverse("notifications:message", args=[three[0].pk])]
    for user in (nadia, petra):
        client = signed_in(user)
        assert {client.get(path).status_code for path in paths} == {403}
        assert client.post(reverse("notifications:switch", args=[rule_of(Event.EXPIRED).pk])).status_code == 403
        assert client.post(f"{paths[-1]}retries/").status_code == 403
        assert client.post(f"{paths[-1]}copies/").status_code == 403


def test_a_channel_whose_secrets_cannot_be_read_says_so_and_takes_new_ones(admin: Client, texts: GatewayPeer) -> None:
    sms_through(texts, secrets_ciphertext=b"\x01\x01xgarbage")

    assert "cannot be read" in body(admin.get(SMS))
    assert "cannot be read" in body(send(admin, f"{SMS}tests/", to="+96170123456"))
    assert send(admin, SMS).status_code == 422
    assert send(admin, SMS, key="new").status_code == 303
    assert channel(Way.SMS).secrets == {"key": "new"}
