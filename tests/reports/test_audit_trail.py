"""The page of the audit trail: who reads what of it, its filters and its cost."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import PermissionGroup, User
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import SYSTEM, Origin
from audit.models import AuditEntry, Grade
from audit.sealing import seal
from ispanel.models import PanelSettings
from plans.models import Plan
from resellers.models import Reseller
from tests.cast import NOW, group, make_staff, seat_of, signed_in
from tests.pages import body, links_of, rows_of, send, text_of
from wallet import ledger

TRAIL = "/audit/"


@pytest.fixture
def history(asha: User, north: Reseller, northeast: Reseller, south: Reseller) -> None:
    """What Asha, Nadia and Sami did on three days, after the resellers were created on the first of them."""
    nadia, sami = seat_of(north.user), seat_of(south.user)
    for actor, action, reseller, days, detail in (
        (seat_of(asha), Action.FUNDS_TRANSFERRED, north, 1, "100.00 USD · May"),
        (nadia, Action.RESELLER_EDITED, northeast, 2, ""),
        (sami, Action.REFUSED, south, 2, "POST /resellers/new"),
    ):
        grade = Grade.SECURITY if action == Action.REFUSED else Grade.REGULAR
        at = NOW + timedelta(days=days)
        audit.record(
            actor=actor, action=action, obj=reseller, reseller_id=reseller.pk, detail=detail, grade=grade, now=at
        )


def lines(client: Client, query: str = "") -> list[str]:
    """Return who and what of each line."""
    return [f"{row[1]}: {row[2]}" for row in rows_of(client.get(f"{TRAIL}?{query}"))]


CREATED = [
    "asha: Created new reseller South Net",
    "asha: Created new reseller Northeast Net",
    "asha: Created new reseller North Net",
]
REFUSED, EDITED, FUNDED = (
    "sami: Was refused Security South Net",
    "nadia: Edited reseller Northeast Net",
    "asha: Transferred funds North Net",
)


# --- who reads what ---------------------------------------------------------------------------------------------------


def test_an_admin_and_a_partner_read_it_all(history: None, asha: User, noor: User) -> None:
    for user in (asha, noor):
        assert {REFUSED, EDITED, FUNDED, *CREATED} <= set(lines(signed_in(user)))


def test_the_newest_line_is_the_first(history: None, asha: User) -> None:
    assert lines(signed_in(asha))[:3] == [REFUSED, EDITED, FUNDED]


def test_a_reseller_reads_the_lines_of_its_tree_and_not_the_strangers(
    history: None, nadia: User, noora: User, sami: User
) -> None:
    assert lines(signed_in(nadia)) == [EDITED, FUNDED, *CREATED[1:]]
    assert lines(signed_in(noora)) == [EDITED, CREATED[1]]
    assert lines(signed_in(sami)) == [REFUSED, CREATED[0]]


def test_a_filter_does_not_widen_the_scope(history: None, nadia: User) -> None:
    for query in ("q=South", "actor=sami", "grade=security", "action=refused"):
        assert lines(signed_in(nadia), query) == [], query


def test_those_without_the_permission_are_told_so(asha: User, petra: User, north: Reseller) -> None:
    blind = PermissionGroup.objects.create(name="Blind", codes=["dashboard.view"])

    for user in (petra, make_staff(asha, north, "blind", blind), make_staff(asha, north, "helper", group("SUPPORT"))):
        response: Any = signed_in(user).get(TRAIL)
        assert response.status_code == 403
        assert "Created new reseller" not in body(response)


# --- what a line says -------------------------------------------------------------------------------------------------


def test_a_line_says_when_who_what_and_from_where(history: None, asha: User) -> None:
    assert rows_of(signed_in(asha).get(f"{TRAIL}?action=funds.transferred")) == [
        ["15 May 2026, 09:30", "asha", "Transferred funds North Net", "100.00 USD · May", "—"]
    ]


def test_both_names_stand_on_what_was_done_in_anothers_panel(asha: User, north: Reseller) -> None:
    audit.record(actor=Seat(asha, north.user), action=Action.RESELLER_EDITED, reseller_id=north.pk, now=NOW)

    assert lines(signed_in(asha), "action=reseller.edited") == ["asha on behalf of nadia: Edited reseller"]


def test_a_change_reads_as_old_and_new(asha: User, northeast: Reseller) -> None:
    client = signed_in(asha)
    send(client, f"/resellers/{northeast.pk}/edit/", company_name="Northeast Net 2")

    row = rows_of(client.get(f"{TRAIL}?action=reseller.edited"))[0]
    assert "Company name: Northeast Net → Northeast Net 2" in row[3]


def test_what_people_typed_is_shown_as_text(asha: User) -> None:
    audit.record(actor=seat_of(asha), action=Action.PLAN_EDITED, detail="<script>x</script>", now=NOW)

    page = signed_in(asha).get(TRAIL).content.decode()
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


def test_times_are_of_the_installations_zone(history: None, asha: User) -> None:
    PanelSettings.objects.update(time_zone="Asia/Dhaka")

    assert rows_of(signed_in(asha).get(f"{TRAIL}?action=funds.transferred"))[0][0] == "15 May 2026, 15:30"


# --- filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("actor=nadia", [EDITED]),
        ("actor=SAM", [REFUSED]),
        ("q=northeast", [EDITED, CREATED[1]]),
        ("q=May", [FUNDED]),
        ("q=100.00 USD", [FUNDED]),
        ("action=reseller.created", CREATED),
        ("grade=security&q=net", [REFUSED]),
        ("object_type=reseller&action=reseller.edited", [EDITED]),
        ("object_type=subscriber", []),
        ("start=2026-05-16&end=2026-05-31", [REFUSED, EDITED]),
        ("end=2026-05-15&start=2026-05-15", [FUNDED]),
        ("start=2026-05-16&actor=nadia&grade=regular&action=reseller.edited&q=net", [EDITED]),
        ("start=2026-05-17&end=2026-05-31", []),
    ],
)
def test_lines_are_filtered(history: None, asha: User, query: str, expected: list[str]) -> None:
    assert lines(signed_in(asha), query) == expected


@pytest.fixture
def varied(asha: User, north: Reseller, northeast: Reseller) -> dict[str, int]:
    """Four acts that differ in everything there is to filter by; return the ids that addresses need."""
    nadia = Seat.own(north.user, Origin("203.0.113.4", "Firefox", "req-1"))
    as_nadia = Seat(asha, north.user, Origin("203.0.113.77", "Firefox", "req-2"))
    far = Seat.own(northeast.user, Origin("2001:db8::7", "Chrome", "req-3"))
    changes = {"full_name": ("Elif", "Leyla")}
    audit.record(actor=nadia, action=Action.PLAN_CREATED, obj=north, reseller_id=north.pk, changes=changes, now=NOW)
    audit.record(actor=as_nadia, action=Action.PLAN_EDITED, obj=northeast, reseller_id=northeast.pk, now=NOW)
    audit.record(actor=far, action=Action.GROUP_EDITED, obj=northeast, reseller_id=northeast.pk, now=NOW)
    audit.record(actor=SYSTEM, action=Action.KEYS_ROTATED, now=NOW)
    return {"asha": asha.pk, "nadia": north.user_id, "north": north.pk, "northeast": northeast.pk}


NADIAS, AS_NADIAS, FAR, SYSTEMS = (
    "nadia: Created plan North Net",
    "asha on behalf of nadia: Edited plan Northeast Net",
    "noora: Edited permission group Northeast Net",
    "system: Rotated encryption keys",
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("actor_id={nadia}", [NADIAS]),
        ("actor_id={asha}&on_behalf_of=nad", [AS_NADIAS]),
        ("actor_type=system", [SYSTEMS]),
        ("actor_type=Reseller", [FAR, NADIAS]),
        ("on_behalf_of=NADIA", [AS_NADIAS]),
        ("object_type=reseller&object_id={northeast}&action=plan.edited", [AS_NADIAS]),
        ("object_id={north}&action=plan.created", [NADIAS]),
        ("object_name=northeast&action=group.edited", [FAR]),
        ("reseller={northeast}&actor=noora", [FAR]),
        ("reseller=none&action=keys.rotated", [SYSTEMS]),
        ("address=203.0.113.4", [NADIAS]),
        ("address=::ffff:203.0.113.4", [NADIAS]),
        ("address=203.0.113.0/24", [AS_NADIAS, NADIAS]),
        ("address=203.0.113.9/24", [AS_NADIAS, NADIAS]),
        ("address=2001:db8::/32", [FAR]),
        ("address=198.51.100.0/24", []),
        ("request_id=req-2", [AS_NADIAS]),
        ("request_id=req", []),
        ("q=leyla", [NADIAS]),
        ("q=Elif&address=203.0.113.0/24&reseller={north}&actor_id={nadia}", [NADIAS]),
    ],
)
def test_lines_are_filtered_by_the_less_used_too(
    varied: dict[str, int], asha: User, query: str, expected: list[str]
) -> None:
    assert lines(signed_in(asha), query.format(**varied)) == expected


def test_the_less_used_filters_are_folded_away_until_one_is_in_use(asha: User) -> None:
    client = signed_in(asha)

    for query, is_open in (("", False), ("q=x&actor=y&grade=security", False), ("address=10.0.0.0/8", True)):
        page = client.get(f"{TRAIL}?{query}").content.decode()
        assert ('<details class="more-filters" open>' in page) == is_open, query
        assert '<details class="more-filters' in page


def test_filters_in_force_stand_above_the_list_and_can_be_taken_away(varied: dict[str, int], asha: User) -> None:
    page = signed_in(asha).get(f"{TRAIL}?address=203.0.113.0/24&reseller={varied['north']}&page=1")

    assert "Address or block: 203.0.113.0/24" in body(page)
    assert "Reseller: North Net" in body(page)
    assert f"{TRAIL}?address=203.0.113.0%2F24" in links_of(page)
    assert f"{TRAIL}?reseller={varied['north']}" in links_of(page)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("address=10.0.0.0/99", "“Address or block” is left out: “10.0.0.0/99”."),
        ("object_id=seven", "“Object’s ID” is left out: “seven”."),
        ("actor_id=99999999999999999999", "“Who: ID” is left out"),
        ("start=yesterday", "“From” is left out: “yesterday”."),
    ],
)
def test_a_filter_that_cannot_be_used_says_so(history: None, asha: User, query: str, words: str) -> None:
    client = signed_in(asha)

    assert words in body(client.get(f"{TRAIL}?{query}"))
    assert lines(client, query) == lines(client)


def test_only_those_who_see_several_resellers_choose_between_them(
    varied: dict[str, int], asha: User, nadia: User, noora: User, south: Reseller
) -> None:
    def offered(user: User) -> list[str]:
        form = signed_in(user).get(TRAIL).context["form"]  # type: ignore[attr-defined]
        return [str(label) for _value, label in form.fields["reseller"].choices] if "reseller" in form.fields else []

    nobody = "None: the installation’s own"
    assert offered(asha) == ["All resellers", nobody, "North Net", "Northeast Net", "South Net"]
    assert offered(nadia) == ["All resellers", "North Net", "Northeast Net"]
    assert offered(noora) == []
    assert lines(signed_in(nadia), f"reseller={south.pk}") == lines(signed_in(nadia))


def test_either_name_finds_what_was_done_on_behalf(asha: User, north: Reseller) -> None:
    audit.record(actor=Seat(asha, north.user), action=Action.PLAN_EDITED, now=NOW)

    for name in ("asha", "nadia"):
        assert "asha on behalf of nadia: Edited plan" in lines(signed_in(asha), f"actor={name}")


def test_days_are_those_of_the_installation(asha: User) -> None:
    PanelSettings.objects.update(time_zone="Asia/Dhaka")
    for hour, action in ((17, Action.PLAN_CREATED), (18, Action.PLAN_EDITED)):
        audit.record(actor=seat_of(asha), action=action, now=datetime(2026, 5, 20, hour, tzinfo=UTC))

    assert lines(signed_in(asha), "start=2026-05-20&end=2026-05-20") == ["asha: Created plan"]
    assert lines(signed_in(asha), "start=2026-05-21&end=2026-05-21") == ["asha: Edited plan"]


def test_garbage_in_the_address_breaks_nothing(history: None, asha: User) -> None:
    client = signed_in(asha)
    every_line = lines(client)

    for query in (
        "action=zzz",
        "object_type=zzz",
        "grade=%00",
        "start=yesterday",
        "end=2026-02-30",
        "page=abc",
        "actor=%00",
        "q=%00",
    ):
        assert lines(client, query) == every_line, query
    for query in ("end=9999-12-31", "start=0001-01-01", "page=99999999999999999999", "q=" + "x" * 5000, "q=%25_"):
        assert client.get(f"{TRAIL}?{query}").status_code == 200, query


def test_htmx_gets_the_results_alone(history: None, asha: User) -> None:
    response: Any = signed_in(asha).get(
        TRAIL, {"actor": "nadia"}, headers={"HX-Request": "true", "HX-Target": "results"}
    )

    assert "<html" not in response.content.decode()
    assert "Edited reseller" in text_of(response.content.decode())


def test_the_next_page_keeps_the_filters(asha: User) -> None:
    for number in range(51):
        audit.record(actor=seat_of(asha), action=Action.PLAN_EDITED, detail=f"Number {number}.", now=NOW)
    client = signed_in(asha)

    first: Any = client.get(f"{TRAIL}?action=plan.edited")

    assert len(rows_of(first)) == 50
    assert f"{TRAIL}?action=plan.edited&page=2" in links_of(first)
    assert [row[3] for row in rows_of(client.get(f"{TRAIL}?action=plan.edited&page=2"))] == ["Number 0."]


# --- one line ---------------------------------------------------------------------------------------------------------


def entry_url(**found: Any) -> str:
    return f"{TRAIL}{AuditEntry.objects.filter(**found).latest('id').pk}/"


def test_a_lines_page_says_everything(asha: User, north: Reseller) -> None:
    seat = Seat(asha, north.user, Origin("203.0.113.4", "Firefox 140", "req-9"))
    changes = {"company_name": ("North", "North Net"), "note": (None, "New")}
    audit.record(
        actor=seat, action=Action.RESELLER_EDITED, obj=north, reseller_id=north.pk, changes=changes, detail="By phone.",
        grade=Grade.SECURITY, now=NOW + timedelta(seconds=7),
    )  # fmt: skip

    page = signed_in(asha).get(entry_url(action=Action.RESELLER_EDITED))

    for words in (
        "Edited reseller",
        "Security",
        "14 May 2026, 09:30:07",
        f"asha Admin · ID {asha.pk}",
        f"nadia ID {north.user_id}",
        f"North Net reseller {north.pk}",
        "By phone.",
        "203.0.113.4",
        "Firefox 140",
        "req-9",
        "Not sealed yet",
    ):
        assert words in body(page), words
    assert rows_of(page) == [["Note", "—", "New"], ["Company name", "North", "North Net"]]
    assert {
        f"/resellers/{north.pk}/",
        f"{TRAIL}?object_type=reseller&object_id={north.pk}",
        f"{TRAIL}?actor_id={asha.pk}",
        f"{TRAIL}?request_id=req-9",
    } <= links_of(page)


def test_a_lines_page_shows_its_seal(asha: User) -> None:
    audit.record(actor=SYSTEM, action=Action.KEYS_ROTATED, now=NOW)
    head = seal(NOW + timedelta(seconds=20)).head

    page = body(signed_in(asha).get(entry_url(action=Action.KEYS_ROTATED)))

    assert f"Number {head.number} Sealed 14 May 2026, 09:30:20 Digest {head.digest.hex()}" in page


def test_every_line_of_the_list_leads_to_its_page(history: None, asha: User) -> None:
    client = signed_in(asha)

    links = {link for link in links_of(client.get(TRAIL)) if re.fullmatch(r"/audit/\d+/", link)}

    assert len(links) == AuditEntry.objects.count()
    assert all(client.get(link).status_code == 200 for link in links)


def test_the_lines_of_others_do_not_exist(history: None, asha: User, nadia: User, noora: User, noor: User) -> None:
    audit.record(actor=seat_of(asha), action=Action.KEYS_ROTATED, now=NOW)
    of_sami, of_noora = entry_url(action=Action.REFUSED), entry_url(action=Action.RESELLER_EDITED)
    of_nobody = entry_url(action=Action.KEYS_ROTATED)

    def statuses(user: User) -> list[int]:
        return [signed_in(user).get(url).status_code for url in (of_sami, of_noora, of_nobody)]

    assert statuses(asha) == statuses(noor) == [200, 200, 200]
    assert statuses(nadia) == statuses(noora) == [404, 200, 404]


def test_an_object_is_linked_for_those_who_may_open_it(
    asha: User, nadia: User, noor: User, north: Reseller, home: Plan
) -> None:
    audit.record(actor=seat_of(asha), action=Action.PLAN_EDITED, obj=home, reseller_id=north.pk, now=NOW)
    url, plan = entry_url(action=Action.PLAN_EDITED), f"/plans/{home.pk}/edit/"

    assert plan in links_of(signed_in(asha).get(url))
    assert plan not in links_of(signed_in(nadia).get(url))
    Plan.objects.all().delete()
    assert plan not in links_of(signed_in(asha).get(url))


def test_logins_and_groups_are_linked_for_admins(asha: User, nadia: User, north: Reseller) -> None:
    sales = group("SALES")
    audit.record(actor=seat_of(asha), action=Action.GROUP_EDITED, obj=sales, reseller_id=north.pk, now=NOW)
    audit.record(actor=seat_of(asha), action=Action.LOGIN_EDITED, obj=nadia, reseller_id=north.pk, now=NOW)
    wanted = {
        entry_url(action=Action.GROUP_EDITED): f"/settings/permissions/{sales.pk}/",
        entry_url(action=Action.LOGIN_EDITED): f"/settings/permissions/logins/{nadia.pk}/",
    }

    for url, link in wanted.items():
        assert link in links_of(signed_in(asha).get(url))
        assert link not in links_of(signed_in(nadia).get(url))
        assert signed_in(asha).get(link).status_code == 200


def test_what_was_taken_out_of_the_house_is_found_and_linked(asha: User, noor: User) -> None:
    statement = f"/wallets/{ledger.platform_account().pk}/statement/"
    signed_in(asha).get(f"{statement}csv")

    page = signed_in(asha).get(f"{TRAIL}?object_type=ledgeraccount")

    assert lines(signed_in(asha), "object_type=ledgeraccount") == ["asha: Exported a statement Platform"]
    assert "On what: House accounts" in body(page)
    url = entry_url(action=Action.STATEMENT_EXPORTED)
    assert statement in links_of(signed_in(asha).get(url))
    assert statement not in links_of(signed_in(noor).get(url))
    assert signed_in(asha).get(statement).status_code == 200


def test_a_plans_page_shows_its_lines_and_links_to_all_of_them(asha: User, home: Plan) -> None:
    audit.record(actor=seat_of(asha), action=Action.PLAN_EDITED, obj=home, now=NOW)

    page = signed_in(asha).get(f"/plans/{home.pk}/edit/")

    assert [row[2] for row in rows_of(page)] == ["Edited plan Home"]
    assert f"{TRAIL}?object_type=plan&object_id={home.pk}" in links_of(page)


def test_a_resellers_tab_leads_to_the_filters(asha: User, north: Reseller) -> None:
    assert f"{TRAIL}?reseller={north.pk}" in links_of(signed_in(asha).get(f"/resellers/{north.pk}/audit/"))


# --- queries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["asha", "nadia", "noora", "noor"])
def test_the_number_of_queries_does_not_grow(
    history: None, asha: User, nadia: User, noora: User, noor: User, north: Reseller, northeast: Reseller, who: str
) -> None:
    client = signed_in({"asha": asha, "nadia": nadia, "noora": noora, "noor": noor}[who])
    costs = []

    for _more in range(2):
        for reseller in (north, northeast) * 5:
            audit.record(actor=seat_of(asha), action=Action.PLAN_EDITED, reseller_id=reseller.pk, now=NOW)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(TRAIL).status_code == 200
        costs.append(len(captured))

    assert costs[0] == costs[1] <= 10, captured.captured_queries
