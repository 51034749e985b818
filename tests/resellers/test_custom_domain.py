"""A reseller's own domain: claimed, proved by a TXT record, looked after, taken over, and released."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.limits import AttemptUnderWay, TooManyAttempts
from accounts.models import User
from accounts.operations import enter_seat
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.doors import door_at
from ispanel.refusals import Forbidden
from resellers import operations, tasks
from resellers.domains import BadDomain, DnsSilent, domain_from, txt_records
from resellers.models import CustomDomain, Reseller
from resellers.operations import BrandingNotAllowed, HasDomain, NoDomain
from tests.cast import NOW, group, make_staff, seat_of, signed_in
from tests.jobs import enqueued
from tests.pages import body, error_at, links_of, send, text_of
from tests.resellers.brands import OWN, allow, brand, claim, forbid, tab_of
from tests.resellers.name_server import NameServer, serving
from tests.threads import at_once

NAME = "panel.north.test"
DAY = timedelta(days=1)
MISSING = "There is no such record yet. A new one can take up to an hour to be seen."
GONE = "Its record was gone for 7 days. Create it again, then check now."
LINKS_GO = (
    "Links to invoices that were sent with this address lead nowhere then. A new one, from the invoice’s page, works."
)
SILENT = "The domain’s name servers did not answer. Try again in a few minutes."


@pytest.fixture(autouse=True)
def dns(settings: Settings) -> Iterator[NameServer]:
    with serving() as server:
        settings.DNS_RESOLVER = ("127.0.0.1", server.port)
        yield server


@pytest.fixture
def domain(asha: User, nadia: User, north: Reseller) -> CustomDomain:
    """Return North's claim."""
    allow(asha, north)
    return claim(nadia, north)


def publish(dns: NameServer, *domains: CustomDomain) -> None:
    """Put the records of these domains, and no others, into DNS."""
    dns.records = {}
    for each in domains:
        dns.records.setdefault(each.record_name, []).append(each.record_text)


def check(actor: User, reseller: Reseller, now: datetime = NOW) -> CustomDomain:
    return operations.check_domain(actor=seat_of(actor), reseller_id=reseller.pk, now=now)


def release(actor: User, reseller: Reseller) -> None:
    operations.release_domain(actor=seat_of(actor), reseller_id=reseller.pk, now=NOW)


def card(user: User, path: str = OWN) -> str:
    """Return the markup of the domain's card."""
    found = re.search(
        r'<section class="card" id="domain">.*?</section>', signed_in(user).get(path).content.decode(), re.DOTALL
    )
    assert found
    return found[0]


def trail(reseller: Reseller) -> list[str]:
    """Return what was done to the reseller's domain, the oldest first."""
    rows = AuditEntry.objects.filter(reseller_id=reseller.pk, action__startswith="domain.")
    return list(rows.order_by("id").values_list("action", flat=True))


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Panel.North.TEST", "panel.north.test"),
        (" panel.north.test. ", "panel.north.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("نور.example", "xn--wgb5bg.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--Bcher-KVA.Example", "xn--bcher-kva.example"),
        ("xn--fa-hia.example", "xn--fa-hia.example"),
        ("a-b.1c.co", "a-b.1c.co"),
        ("panel。north。test", "panel.north.test"),
    ],
)
def test_a_name_is_kept_as_dns_has_it(typed: str, name: str) -> None:
    assert domain_from(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "", "panel", "https://panel.north.test", "panel.north.test:443", "panel.north.test/", "panel.north.test/x",
        "me@north.test", "192.0.2.1", "[2001:db8::1]", "2001:db8::1", "-a.test", "a-.test", "a..test", ".test",
        "a b.test", "a_b.test", "*.north.test", "a.123", "x" * 64 + ".test", ".".join(["x" * 60] * 5), "a\\.b.test",
        "a\n.test", "a.test\x00", "a.b／c",
        # In no alphabet there is, or in one of which DNS has another writing.
        "xn--a.test", "xn--0000h.test", "xn--zzzzzzzzz99999.test", "xn--ls8h.test", "panel.xn---.test", "xn--.test",
    ],
)  # fmt: skip
def test_what_is_no_host_name_is_refused_with_what_to_enter(typed: str) -> None:
    with pytest.raises(BadDomain, match=r"Enter the name alone, without https://, port or path"):
        domain_from(typed)


@pytest.mark.parametrize(
    "typed", ["panel.isp.example", "x.isp.example", "a.localhost", "PANEL.localhost.", "at.panel.test"]
)
def test_the_panels_own_hosts_are_no_resellers(settings: Settings, typed: str) -> None:
    settings.PANEL_HOSTS = ["panel.isp.example", ".isp.example"]
    settings.PANEL_URL = "https://at.panel.test:8443"

    with pytest.raises(BadDomain, match="This is the panel’s own"):
        domain_from(typed)


# --- DNS --------------------------------------------------------------------------------------------------------------


def test_records_are_read_whole_and_all_of_them(dns: NameServer) -> None:
    dns.records["x.test"] = ["one", "y" * 450]

    assert sorted(txt_records("x.test")) == ["one", "y" * 450]
    assert txt_records("nothing.test") == []


def test_a_server_that_says_nothing_is_given_up_soon(dns: NameServer) -> None:
    dns.is_silent = True
    begun = timezone.now()

    with pytest.raises(DnsSilent):
        txt_records("x.test")

    assert timezone.now() - begun < timedelta(seconds=5)


# --- claiming ---------------------------------------------------------------------------------------------------------


def test_a_claim_shows_the_records_to_create(asha: User, nadia: User, north: Reseller, settings: Settings) -> None:
    settings.PANEL_URL = "https://panel.isp.example"
    allow(asha, north)
    client = signed_in(nadia)

    response = send(client, f"{OWN}domain/", name="Panel.North.test")

    assert (response.status_code, response.headers["Location"]) == (303, OWN)
    held = CustomDomain.objects.get()
    page = body(client.get(OWN))
    assert "_ispanel.panel.north.test" in page
    assert f"ispanel-verify={held.challenge}" in page
    assert "CNAME Name panel.north.test" in page
    assert "panel.isp.example" in page
    assert len(held.challenge) == 32
    assert (trail(north), door_at(NAME)) == (["domain.claimed"], None)


def test_a_domain_of_another_alphabet_is_shown_as_people_write_it_and_as_dns_does(
    asha: User, nadia: User, north: Reseller
) -> None:
    allow(asha, north)
    client = signed_in(nadia)

    send(client, f"{OWN}domain/", name="نور.example")
    page = body(client.get(OWN))
    send(client, f"{OWN}domain/release/")
    send(client, f"{OWN}domain/", name=NAME)

    assert "Domain نور.example In DNS xn--wgb5bg.example" in page
    assert "_ispanel.xn--wgb5bg.example" in page
    assert "In DNS" not in body(client.get(OWN))


@pytest.mark.parametrize(
    ("url", "record"),
    [
        ("https://panel.isp.example", "CNAME Name panel.north.test"),
        ("http://192.0.2.7:8000", "A Name panel.north.test"),
        ("http://[2001:db8::7]", "AAAA Name panel.north.test"),
    ],
)
def test_a_domain_points_to_the_panel_by_its_name_or_its_address(
    asha: User, nadia: User, north: Reseller, settings: Settings, url: str, record: str
) -> None:
    settings.PANEL_URL = url
    allow(asha, north)
    claim(asha, north, "panel.north.test")

    assert f"Type {record}" in body(signed_in(nadia).get(OWN))


def test_until_it_is_proved_the_card_says_whether_the_panel_looks_by_itself(domain: CustomDomain, nadia: User) -> None:
    CustomDomain.objects.update(created_at=timezone.now() - timedelta(days=6, hours=23))

    shown = card(nadia)

    assert "the panel looks for the record by itself, every ten minutes until" in text_of(shown)
    assert "Last checked Not yet" in text_of(shown)
    assert "Create this TXT record" in text_of(shown)
    assert "<details" not in shown
    assert "/sign-in/" not in shown
    CustomDomain.objects.update(created_at=timezone.now() - 7 * DAY)
    assert "The panel does not look for the record by itself any more. Once it is there, press Check now." in text_of(
        card(nadia)
    )


def test_two_claims_of_a_domain_have_records_of_their_own(asha: User, north: Reseller, south: Reseller) -> None:
    allow(asha, north)
    allow(asha, south)

    assert claim(asha, north).record_text != claim(asha, south).record_text


def test_a_bad_name_is_refused_at_its_field(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)

    response = send(signed_in(nadia), f"{OWN}domain/", name="https://north.test/")

    assert response.status_code == 422
    assert "Enter the name alone" in error_at(response, "name")


def test_there_is_one_domain_at_a_time(domain: CustomDomain, nadia: User, north: Reseller) -> None:
    with pytest.raises(HasDomain, match="there is one domain at a time"):
        claim(nadia, north, "other.north.test")

    response = send(signed_in(nadia), f"{OWN}domain/", name="other.north.test")

    assert "Release panel.north.test first" in error_at(response, "name")
    assert CustomDomain.objects.get().name == NAME


def test_who_may_not_brand_claims_nothing(
    asha: User, nadia: User, north: Reseller, south: Reseller, noor: User
) -> None:
    with pytest.raises(BrandingNotAllowed):
        claim(nadia, north)
    allow(asha, north)
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))

    for stranger in (south.user, noor, clerk):
        for act in (
            partial(claim, stranger, north),
            partial(check, stranger, north),
            partial(release, stranger, north),
        ):
            with pytest.raises(Forbidden):
                act()
    assert not CustomDomain.objects.exists()


@pytest.mark.parametrize("act", ["", "check/", "release/"])
def test_from_a_borrowed_seat_the_domain_is_out_of_reach(
    domain: CustomDomain, asha: User, north: Reseller, act: str
) -> None:
    client = signed_in(asha)
    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to help"})

    page = client.get(OWN)
    response = client.post(f"{OWN}domain/{act}", {"name": "other.test"})

    assert "out of reach while you are logged in as somebody else" in body(page)
    assert f"{OWN}domain/{act}" not in links_of(page)
    assert (response.status_code, CustomDomain.objects.get().name) == (403, NAME)


def test_the_acts_themselves_refuse_a_borrowed_seat(domain: CustomDomain, asha: User, north: Reseller) -> None:
    seat = enter_seat(
        actor=seat_of(asha), user=User.objects.with_rights().get(pk=north.user_id), reason="to help", now=NOW
    )

    for act in (
        partial(operations.claim_domain, name="other.test"),
        operations.check_domain,
        operations.release_domain,
    ):
        with pytest.raises(Forbidden, match="out of reach"):
            act(actor=seat, reseller_id=north.pk, now=NOW)


def test_an_admin_does_it_for_a_reseller(asha: User, north: Reseller, dns: NameServer) -> None:
    allow(asha, north)
    client = signed_in(asha)

    send(client, f"{tab_of(north)}domain/", name=NAME)
    publish(dns, CustomDomain.objects.get())
    client.post(f"{tab_of(north)}domain/check/")

    assert CustomDomain.objects.get().is_verified
    send(client, f"{tab_of(north)}domain/release/")
    assert trail(north) == ["domain.claimed", "domain.verified", "domain.released"]
    assert set(AuditEntry.objects.filter(action__startswith="domain.").values_list("actor_name", flat=True)) == {"asha"}


# --- proving ----------------------------------------------------------------------------------------------------------


def test_the_record_proves_the_domain(domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer) -> None:
    publish(dns, domain)
    dns.records[domain.record_name].append("v=something else")
    client = signed_in(nadia)

    response = client.post(f"{OWN}domain/check/")

    assert response.headers["Location"] == f"{OWN}#domain"
    page = body(client.get(OWN))
    assert "panel.north.test is verified." in page
    assert "Not verified" not in page
    held = CustomDomain.objects.get()
    assert (held.is_verified, held.failure) == (True, "")
    entry = AuditEntry.objects.get(action=Action.DOMAIN_VERIFIED)
    assert (entry.actor_name, entry.reseller_id, entry.changes) == (
        "nadia", north.pk, {"custom_domain": [None, NAME]},
    )  # fmt: skip
    door = door_at(f"{NAME}:443")
    assert door
    assert door.reseller == north


def test_proved_the_card_begins_with_the_address_to_open_and_folds_the_records_away(
    domain: CustomDomain, asha: User, nadia: User, north: Reseller, dns: NameServer, settings: Settings
) -> None:
    settings.PANEL_URL = "http://isp.example:8000"
    publish(dns, domain)

    check(nadia, north)

    address = f"http://{NAME}:8000/sign-in/"
    for shown, words in (
        (card(nadia), f"Your people sign in at {address}"),
        (card(asha, tab_of(north)), f"The people of North Net sign in at {address}"),
    ):
        assert text_of(shown).startswith(f"Custom domain Verified {words} Domain {NAME}")
        assert f'<a href="{address}"' in shown
        assert '<details class="more-filters">' in shown
        assert "DNS records Leave them there" in text_of(shown)
        assert domain.record_text in shown.partition("<details")[2]
        assert "Create this TXT record" not in shown
        assert "by itself" not in shown


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (None, MISSING),
        ("v=spf1 -all", "The record says “v=spf1 -all”, which is not the text below."),
        ("x" * 200, f"The record says “{'x' * 80}…”, which is not the text below."),
        ("<script>", "The record says “<script>”, which is not the text below."),
    ],
)
def test_what_was_found_instead_is_said(
    domain: CustomDomain, nadia: User, dns: NameServer, record: str | None, sentence: str
) -> None:
    dns.records = {domain.record_name: [record]} if record else {}
    client = signed_in(nadia)

    client.post(f"{OWN}domain/check/")

    page = client.get(OWN)
    assert sentence in body(page)
    assert "<script>”" not in page.content.decode()
    assert not CustomDomain.objects.get().is_verified
    assert not AuditEntry.objects.filter(action=Action.DOMAIN_VERIFIED).exists()


def test_a_record_of_any_bytes_is_shown_as_far_as_it_can_be_read(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    # A NUL, an escape, what turns the words behind it round, and half a letter, as DNS writes them.
    dns.records = {domain.record_name: [r"a\000b\027c\226\128\174d\195"]}

    checked = check(nadia, north)

    assert checked.failure == "The record says “a�b�c�d�”, which is not the text below."
    assert signed_in(nadia).post(f"{OWN}domain/check/").status_code == 303


def test_check_now_waits_once_it_was_pressed_often(
    domain: CustomDomain, asha: User, nadia: User, north: Reseller, south: Reseller, dns: NameServer
) -> None:
    for _press in range(20):
        check(nadia, north)
    publish(dns, domain)
    client = signed_in(nadia)

    client.post(f"{OWN}domain/check/")

    assert "Too many attempts. Try again in 15 minutes." in body(client.get(OWN))
    assert not CustomDomain.objects.get().is_verified
    with pytest.raises(TooManyAttempts):
        check(asha, north)
    allow(asha, south)
    claim(asha, south, "panel.south.test")
    assert check(asha, south).failure == MISSING
    operations.look_after_domains(now=NOW + timedelta(minutes=10))
    assert CustomDomain.objects.get(reseller=north).is_verified


def test_a_second_press_waits_for_no_name_server(
    committing: None, domain: CustomDomain, asha: User, nadia: User, north: Reseller, dns: NameServer
) -> None:
    dns.is_silent = True

    results = at_once(partial(check, nadia, north), partial(check, asha, north))

    assert sorted(type(result).__name__ for result in results) == ["AttemptUnderWay", "CustomDomain"]
    assert [str(result) for result in results if isinstance(result, AttemptUnderWay)] == [
        "Another attempt is being checked. Try again in a moment."
    ]


def test_a_record_of_another_name_or_claim_proves_nothing(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    dns.records = {NAME: [domain.record_text], domain.record_name: [domain.challenge, domain.record_text + "0"]}

    assert not check(nadia, north).is_verified


def test_silence_is_said_too(domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer) -> None:
    dns.is_silent = True

    checked = check(nadia, north)

    assert (checked.failure, checked.is_verified) == (SILENT, False)


def test_without_a_claim_there_is_nothing_to_check(asha: User, nadia: User, north: Reseller) -> None:
    allow(asha, north)

    with pytest.raises(NoDomain):
        check(nadia, north)
    with pytest.raises(NoDomain):
        release(nadia, north)
    assert signed_in(nadia).post(f"{OWN}domain/check/").status_code == 303
    assert "There is no domain to release." in body(signed_in(nadia).get(f"{OWN}domain/release/"))


# --- where it leads ---------------------------------------------------------------------------------------------------

HERE = "Leads here Yes, as far as DNS says."
ELSEWHERE = "Leads here Not as far as DNS says: compare the second record."


@pytest.fixture
def panel(settings: Settings, dns: NameServer) -> str:
    """Let the panel stand at a name that DNS knows, and return that."""
    settings.PANEL_URL = "https://isp.example"
    dns.aliases["isp.example"] = "edge.isp.example"
    dns.addresses["edge.isp.example"] = ["192.0.2.7", "2001:db8::7"]
    return "isp.example"


@pytest.mark.parametrize(
    ("alias", "addresses", "leads", "words"),
    [
        ("isp.example", [], True, HERE),
        ("", ["192.0.2.7"], True, HERE),
        ("", ["198.51.100.1", "2001:db8::7"], True, HERE),
        ("", ["198.51.100.1"], False, ELSEWHERE),
        ("other.example", [], False, ELSEWHERE),
        ("", [], False, ELSEWHERE),
    ],
)
def test_the_same_look_tells_whether_the_name_leads_here(
    domain: CustomDomain,
    nadia: User,
    north: Reseller,
    dns: NameServer,
    panel: str,
    alias: str,
    addresses: list[str],
    leads: bool,
    words: str,
) -> None:
    dns.aliases[NAME], dns.addresses[NAME] = alias, addresses
    publish(dns, domain)
    assert "Leads here" not in card(nadia)

    checked = check(nadia, north)

    assert (checked.is_verified, CustomDomain.objects.get().leads_here) == (True, leads)
    assert words in text_of(card(nadia))
    assert "198.51.100.1" not in card(nadia)


@pytest.mark.parametrize(("url", "leads"), [("http://[2001:DB8:0::7]:8000", True), ("http://192.0.2.8", False)])
def test_where_the_panel_stands_at_an_address_that_is_compared(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer, settings: Settings, url: str, leads: bool
) -> None:
    settings.PANEL_URL = url
    dns.addresses[NAME] = ["192.0.2.7", "2001:db8::7"]

    assert check(nadia, north).leads_here is leads


def test_where_it_leads_decides_nothing_and_is_seen_before_the_proof_too(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer, panel: str
) -> None:
    dns.aliases[NAME] = panel

    checked = check(nadia, north)

    assert (checked.is_verified, checked.failure, checked.leads_here) == (False, MISSING, True)


def test_where_dns_does_not_know_the_panel_nothing_is_said(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer, panel: str
) -> None:
    publish(dns, domain)
    check(nadia, north)
    dns.aliases.clear()

    assert check(nadia, north, NOW + DAY).leads_here is None
    assert "Leads here" not in card(nadia)


def test_both_looks_together_have_the_time_of_one(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer, panel: str
) -> None:
    publish(dns, domain)
    dns.pause = 1.7
    begun = monotonic()

    checked = check(nadia, north)

    assert monotonic() - begun < 4
    assert (checked.is_verified, checked.failure, checked.leads_here) == (True, "", None)


# --- one owner --------------------------------------------------------------------------------------------------------


@pytest.fixture
def rival(
    domain: CustomDomain, asha: User, nadia: User, north: Reseller, south: Reseller, dns: NameServer
) -> CustomDomain:
    """Let North prove the domain, and return South's claim of it."""
    publish(dns, domain)
    check(nadia, north)
    allow(asha, south)
    return claim(south.user, south)


def test_a_domain_with_its_record_stays_with_its_owner(
    rival: CustomDomain, domain: CustomDomain, south: Reseller, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain, rival)

    checked = check(south.user, south)

    assert not checked.is_verified
    assert checked.failure.startswith(
        "This domain is in use here already, and the record that proves it is still there."
    )
    assert "North" not in checked.failure
    door = door_at(NAME)
    assert door
    assert door.reseller == north


def test_once_the_owners_record_is_gone_who_proves_it_takes_it_over(
    rival: CustomDomain, domain: CustomDomain, south: Reseller, north: Reseller, dns: NameServer
) -> None:
    publish(dns, rival)

    assert check(south.user, south).is_verified

    domain.refresh_from_db()
    assert (domain.is_verified, domain.failure) == (False, "Somebody else has proved that this domain is theirs.")
    door = door_at(NAME)
    assert door
    assert door.reseller == south
    assert trail(north) == ["domain.claimed", "domain.verified", "domain.lost"]
    assert trail(south) == ["domain.claimed", "domain.verified"]
    lost = AuditEntry.objects.get(action=Action.DOMAIN_LOST)
    assert (lost.actor_name, lost.reseller_id) == ("system", north.pk)
    assert "South" not in lost.detail


def test_the_database_knows_one_owner(rival: CustomDomain) -> None:
    rival.verified_at = NOW

    with pytest.raises(IntegrityError, match="one_owner_per_domain"), transaction.atomic():
        rival.save()


def test_of_two_at_once_one_wins_and_the_other_is_told(
    committing: None, domain: CustomDomain, asha: User, nadia: User, north: Reseller, south: Reseller, dns: NameServer
) -> None:
    allow(asha, south)
    publish(dns, domain, claim(asha, south))

    results = at_once(partial(check, nadia, north), partial(check, south.user, south))

    assert sorted(result.is_verified for result in results) == [False, True]
    [loser] = [result for result in results if not result.is_verified]
    assert loser.failure.startswith("This domain is in use here already")
    assert CustomDomain.objects.filter(verified_at__isnull=False).count() == 1


# --- the worker -------------------------------------------------------------------------------------------------------


def look_after(now: datetime) -> CustomDomain:
    """Do the worker's round, and return the one domain there is."""
    operations.look_after_domains(now=now)
    return CustomDomain.objects.get()


def test_the_worker_looks_for_new_claims(domain: CustomDomain, north: Reseller, dns: NameServer) -> None:
    assert look_after(NOW + timedelta(minutes=10)).failure == MISSING
    publish(dns, domain)

    assert look_after(NOW + timedelta(minutes=20)).is_verified

    assert AuditEntry.objects.get(action=Action.DOMAIN_VERIFIED).actor_name == "system"


def test_the_round_is_the_workers(domain: CustomDomain, dns: NameServer) -> None:
    CustomDomain.objects.update(created_at=timezone.now())
    publish(dns, domain)

    tasks.look_after_domains(now=timezone.now())

    assert CustomDomain.objects.get().is_verified
    assert enqueued(tasks.look_after_domains) == []


def test_after_a_week_only_who_presses_the_button_looks(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)

    assert look_after(NOW + 7 * DAY).checked_at is None
    assert dns.asked == []
    assert check(nadia, north, NOW + 8 * DAY).is_verified


def test_where_branding_is_taken_back_nobody_looks(
    domain: CustomDomain, asha: User, north: Reseller, dns: NameServer
) -> None:
    forbid(asha, north)

    look_after(NOW + timedelta(minutes=10))

    assert dns.asked == []


def test_one_that_fails_keeps_no_other_from_being_looked_after(
    domain: CustomDomain, asha: User, south: Reseller, dns: NameServer
) -> None:
    allow(asha, south)
    other = claim(asha, south, "panel.south.test")
    publish(dns, other)

    operations.look_after_domains(now=NOW + timedelta(minutes=10))

    assert [each.is_verified for each in CustomDomain.objects.order_by("pk")] == [False, True]


def test_a_fault_at_one_keeps_no_other_from_being_looked_after(
    domain: CustomDomain, asha: User, south: Reseller, dns: NameServer, caplog: pytest.LogCaptureFixture
) -> None:
    allow(asha, south)
    other = claim(asha, south, "panel.south.test")
    publish(dns, domain, other)
    faults = ["injected"]

    def fail_once(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "custom_domains"') and faults:
            raise OperationalError(faults.pop())
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_once):
        operations.look_after_domains(now=NOW + timedelta(minutes=10))

    assert [each.is_verified for each in CustomDomain.objects.order_by("pk")] == [False, True]
    [logged] = [record for record in caplog.records if record.message == "a domain was not looked after"]
    assert vars(logged)["reason"] == "OperationalError, of panel.north.test"


def test_a_verified_domain_is_looked_after_once_a_day(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north)
    dns.asked.clear()

    look_after(NOW + timedelta(hours=23))
    assert dns.asked == []
    look_after(NOW + timedelta(hours=24))
    look_after(NOW + timedelta(hours=25))

    assert dns.asked.count(domain.record_name) == 1


def test_without_its_record_a_domain_is_off_after_a_week(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north)
    dns.records = {}

    for day in range(1, 8):
        held = look_after(NOW + day * DAY)
        assert (held.is_verified, held.missing_since) == (True, NOW + DAY)
        shown = card(nadia)
        assert "After 7 days the domain is turned off." in shown
        assert '<details class="more-filters" open>' in shown
        assert "Create this TXT record" in shown
    held = look_after(NOW + 8 * DAY)

    assert (held.is_verified, held.failure, door_at(NAME)) == (False, GONE, None)
    assert GONE in body(signed_in(nadia).get(OWN))
    assert trail(north)[-1] == "domain.lost"
    publish(dns, domain)
    assert check(nadia, north, NOW + 9 * DAY).is_verified


def test_a_record_that_comes_back_begins_the_week_anew(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north)
    dns.records = {}
    look_after(NOW + DAY)
    publish(dns, domain)

    assert look_after(NOW + 3 * DAY).missing_since is None

    dns.records = {}
    assert look_after(NOW + 9 * DAY).is_verified


def test_silence_of_a_month_costs_nobody_a_domain(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north)
    dns.is_silent = True

    look_after(NOW + DAY)
    held = look_after(NOW + 30 * DAY)

    assert (held.is_verified, held.missing_since, held.failure) == (True, None, SILENT)
    assert "Its name servers have not answered since" in body(signed_in(nadia).get(OWN))
    dns.is_silent = False
    assert look_after(NOW + 31 * DAY).silent_since is None


def test_after_a_month_of_silence_a_domain_is_off(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north)
    dns.is_silent = True

    look_after(NOW + DAY)
    held = look_after(NOW + 31 * DAY)

    assert (held.is_verified, held.silent_since) == (False, None)
    assert held.failure == "Its name servers did not answer for 30 days. Check now once they do."
    assert trail(north)[-1] == "domain.lost"
    dns.is_silent = False
    assert check(nadia, north, NOW + 32 * DAY).is_verified


def test_silence_does_not_count_towards_the_week_without_a_record_nor_end_it(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north)
    publish(dns)
    look_after(NOW + DAY)
    dns.is_silent = True

    held = look_after(NOW + 9 * DAY)

    assert (held.is_verified, held.missing_since) == (True, NOW + DAY)
    dns.is_silent = False
    assert not look_after(NOW + 10 * DAY).is_verified


# --- releasing --------------------------------------------------------------------------------------------------------


def test_released_the_domain_is_nobodys(domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer) -> None:
    publish(dns, domain)
    check(nadia, north)

    response = send(signed_in(nadia), f"{OWN}domain/release/")

    assert (response.status_code, response.headers["Location"]) == (303, OWN)
    assert (CustomDomain.objects.count(), door_at(NAME)) == (0, None)
    assert trail(north) == ["domain.claimed", "domain.verified", "domain.released"]
    claim(nadia, north)
    assert not check(nadia, north).is_verified  # the old record proves nothing


@pytest.mark.parametrize("dialog", [f"{OWN}domain/release/", "{tab}domain/release/", "{tab}withdrawal/"])
def test_whoever_gives_a_domain_up_is_told_that_links_to_invoices_go_with_it(
    domain: CustomDomain, asha: User, nadia: User, north: Reseller, dns: NameServer, dialog: str
) -> None:
    client, path = signed_in(nadia if dialog.startswith(OWN) else asha), dialog.format(tab=tab_of(north))
    assert "Links to invoices" not in body(client.get(path))

    publish(dns, domain)
    check(nadia, north)

    assert LINKS_GO in body(client.get(path))


def test_taken_back_the_domain_is_off_and_can_be_released(
    domain: CustomDomain, asha: User, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north)
    client = signed_in(asha)

    assert "Nobody reaches the panel at panel.north.test any more." in body(client.get(f"{tab_of(north)}withdrawal/"))
    forbid(asha, north)

    assert door_at(NAME) is None
    assert Client().get("/sign-in/", headers={"Host": NAME}).status_code == 404
    assert "Its domain panel.north.test is off." in body(client.get(tab_of(north)))
    assert signed_in(nadia).post(f"{OWN}domain/check/").status_code == 404
    send(client, f"{tab_of(north)}domain/release/")
    assert not CustomDomain.objects.exists()


def test_allowed_again_soon_the_domain_is_on_again(
    domain: CustomDomain, asha: User, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north, NOW - timedelta(hours=23))
    forbid(asha, north)

    allow(asha, north)

    assert door_at(NAME)
    assert Action.DOMAIN_LOST not in trail(north)


def test_allowed_again_later_the_domain_is_proved_anew(
    domain: CustomDomain, asha: User, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north, NOW - 30 * DAY)
    CustomDomain.objects.update(created_at=NOW - 31 * DAY)
    forbid(asha, north)
    dns.records = {}

    allow(asha, north)

    assert door_at(NAME) is None
    assert "Nobody looked after it while branding was taken back." in body(signed_in(nadia).get(OWN))
    assert trail(north) == ["domain.claimed", "domain.verified", "domain.lost"]
    assert not look_after(NOW + timedelta(minutes=10)).is_verified
    publish(dns, domain)
    assert look_after(NOW + timedelta(minutes=20)).is_verified
    assert door_at(NAME)


def test_deleting_the_reseller_releases_its_domain(
    domain: CustomDomain, asha: User, nadia: User, north: Reseller, dns: NameServer
) -> None:
    publish(dns, domain)
    check(nadia, north)
    brand(asha, north, "#facc15")

    operations.delete_reseller(actor=seat_of(asha), reseller_id=north.pk, now=NOW)

    assert (CustomDomain.objects.count(), door_at(NAME)) == (0, None)
    assert trail(north)[-1] == "domain.released"


def test_a_domain_released_while_dns_was_asked_is_not_brought_back(
    domain: CustomDomain, nadia: User, north: Reseller, dns: NameServer
) -> None:
    from resellers.operations.domains import settle

    release(nadia, north)
    claim(nadia, north)

    with pytest.raises(NoDomain):
        settle(seat_of(nadia), domain, [domain.record_text], NOW)
    assert not CustomDomain.objects.get().is_verified
