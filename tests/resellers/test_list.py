"""The list of resellers: what it shows to whom, and its state in the address."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from accounts.models import PermissionGroup, User
from resellers.models import Reseller
from tests.cast import fund, group, make_reseller, signed_in
from tests.pages import body, links_of, rows_of, text_of
from wallet.models import LedgerAccount

LIST = "/resellers/"
FRAGMENT = {"HX-Request": "true", "HX-Target": "results"}


def names(client: Client, **query: Any) -> list[str]:
    """Return the usernames in the list, in its order."""
    response: Any = client.get(LIST, query)
    return [reseller.user.username for reseller in response.context["page_obj"]]


@pytest.fixture
def everybody(asha: User, north: Reseller, northeast: Reseller, south: Reseller) -> None:
    """North with 100.00 and Northeast under it, and South with 20.00."""
    fund(north.wallet, "100", actor=asha)
    fund(south.wallet, "20", actor=asha)


# --- who sees what ----------------------------------------------------------------------------------------------------


def test_an_admin_sees_all(everybody: None, asha: User) -> None:
    assert names(signed_in(asha)) == ["nadia", "noora", "sami"]


def test_a_row_says_who_how_much_and_whose(everybody: None, asha: User) -> None:
    rows = rows_of(signed_in(asha).get(LIST))

    assert rows[0][:6] == ["North Net nadia", "Active", "100.00", "100.00", "0", "—"]
    assert rows[1][:6] == ["Northeast Net noora", "Low balance", "0.00", "0.00", "0", "North Net"]


def test_a_reseller_sees_its_subs_and_not_itself(everybody: None, nadia: User, sami: User) -> None:
    assert names(signed_in(nadia)) == ["noora"]
    assert names(signed_in(sami)) == []


def test_a_sub_reseller_sees_none(everybody: None, noora: User) -> None:
    page = body(signed_in(noora).get(LIST))

    assert names(signed_in(noora)) == []
    assert "A sub-reseller has no sub-resellers of its own." in page
    assert "Add sub-reseller" not in page


def test_a_partner_sees_all_and_is_offered_no_act(everybody: None, noor: User, north: Reseller) -> None:
    client = signed_in(noor)
    acts = re.compile(r"/(edit|\d+/transfers|withdrawals|seats|initial-password|new)/?$")

    for url in (LIST, *(f"/resellers/{north.pk}/{tab}" for tab in ("", "transactions/", "subs/", "subscribers/"))):
        response = client.get(url)
        assert response.status_code == 200
        assert not [link for link in links_of(response) if acts.search(link)], url
    assert set(names(client)) == {"nadia", "noora", "sami"}


def test_a_partner_is_offered_no_act_on_its_own_pages(noor: User, partner: Reseller, asha: User) -> None:
    looks_on = PermissionGroup.objects.create(name="LOOKS ON", codes=["dashboard.view"], available_to_subs=True)
    make_reseller(asha, "sub.of.noor", "Sub of Partner", parent=partner, permission_group=looks_on)
    acts = re.compile(r"/(edit|\d+/transfers|withdrawals|seats|initial-password|new)/?$")

    for url in (LIST, *(f"/resellers/{partner.pk}/{tab}" for tab in ("", "subs/"))):
        assert not [link for link in links_of(signed_in(noor).get(url)) if acts.search(link)], url


@pytest.mark.parametrize("tab", ["", "subs/"])
def test_a_partner_without_subs_is_not_asked_to_add_one(noor: User, partner: Reseller, tab: str) -> None:
    assert "/resellers/new" not in links_of(signed_in(noor).get(f"/resellers/{partner.pk}/{tab}"))


def test_an_admin_is_offered_every_act_on_a_row(asha: User, north: Reseller) -> None:
    links = links_of(signed_in(asha).get(LIST))

    assert links >= {f"/resellers/{north.pk}/{act}/" for act in ("edit", "transfers", "withdrawals", "seats")}


def test_a_login_without_the_right_is_refused(asha: User) -> None:
    helper = make_reseller(asha, "helper", "Helper Net", permission_group=group("SUPPORT"))

    assert signed_in(helper.user).get(LIST).status_code == 403


# --- the address is its state -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("north", ["nadia", "noora"]),
        ("NORTHEAST", ["noora"]),
        ("sami", ["sami"]),
        ("office@south", ["sami"]),
        ("+963", ["sami"]),
        ("%", []),
        ("_", []),
        ("nobody", []),
        ("  sami ", ["sami"]),
        ("", ["nadia", "noora", "sami"]),
    ],
)
def test_search(everybody: None, asha: User, text: str, found: list[str]) -> None:
    User.objects.filter(username="sami").update(email="office@south.example", phone="+963 11 1")

    assert names(signed_in(asha), q=text) == found


@pytest.mark.parametrize(
    ("view", "found"),
    [
        ("", ["nadia", "noora", "sami"]),
        ("top", ["nadia", "sami"]),
        ("subs", ["noora"]),
        ("low", ["noora"]),
    ],
)
def test_tabs_and_their_counts(everybody: None, asha: User, view: str, found: list[str]) -> None:
    client = signed_in(asha)
    response: Any = client.get(LIST)

    assert names(client, view=view) == found
    assert {key: count for key, _label, count in response.context["tabs"]}[view] == len(found)


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("name", ["nadia", "noora", "sami"]),
        ("-name", ["sami", "noora", "nadia"]),
        ("balance", ["noora", "sami", "nadia"]),
        ("-balance", ["nadia", "sami", "noora"]),
        ("created", ["sami", "noora", "nadia"]),
    ],
)
def test_sort(everybody: None, asha: User, sort: str, found: list[str]) -> None:
    assert names(signed_in(asha), sort=sort) == found


def test_links_of_the_list_keep_its_state(everybody: None, asha: User) -> None:
    page: Any = signed_in(asha).get(LIST, {"q": "net", "view": "top", "sort": "balance"})

    sorts = [link for link in links_of(page) if "sort=-balance" in link]
    tabs = [link for link in links_of(page) if "view=subs" in link]
    assert sorts
    assert all("q=net" in link and "view=top" in link for link in sorts)
    assert tabs
    assert all("q=net" in link and "sort=balance" in link for link in tabs)


def test_a_long_list_is_cut_into_pages(asha: User) -> None:
    for number in range(52):
        make_reseller(asha, f"reseller{number:02}", f"Reseller {number:02}", permission_group=None)
    client = signed_in(asha)

    first, second = names(client, sort="name"), names(client, sort="name", page=2)

    assert (len(first), len(second)) == (50, 2)
    assert sorted(first + second) == [f"reseller{number:02}" for number in range(52)]
    assert {"?sort=name&page=2", "/resellers/?sort=name&page=2"} & links_of(client.get(LIST, {"sort": "name"}))


def test_htmx_gets_the_results_alone(everybody: None, asha: User) -> None:
    response: Any = signed_in(asha).get(LIST, {"q": "south"}, headers=FRAGMENT)

    page = response.content.decode().strip()
    assert page.startswith('<div class="results" id="results">')
    assert "South Net" in page
    assert "North Net" not in page
    assert "HX-Target" in response["Vary"]


GARBAGE = (
    "page=abc",
    "page=-1",
    "page=0",
    "page=99999999999999999999",
    "sort=--x",
    "sort=password",
    "sort=user__password",
    "view=zzz",
    "created=99999999999999999999",
    "created=abc",
    "created=%D9%A1",
    "created=-1",
    "q=%00",
    "q=" + "x" * 5000,
    "q=%27%22%3Cscript%3E",
    "q=%ff%fe",
    "unknown=1&view=&sort=&page=",
    "q=a&q=b&view=top&view=subs",
)


@pytest.mark.parametrize("query", GARBAGE)
def test_garbage_in_the_address_breaks_nothing(everybody: None, asha: User, query: str) -> None:
    client = signed_in(asha)

    assert client.get(f"{LIST}?{query}").status_code == 200
    assert client.get(f"{LIST}?{query}", headers=FRAGMENT).status_code == 200


def test_a_strangers_hand_over_card_is_not_shown(everybody: None, nadia: User, south: Reseller) -> None:
    page = body(signed_in(nadia).get(LIST, {"created": south.pk}))

    assert "Hand over" not in page
    assert "South Net" not in page


def test_who_sees_everything_is_given_nothing_to_hand_over(everybody: None, noor: User, south: Reseller) -> None:
    assert "Hand over" not in body(signed_in(noor).get(LIST, {"created": south.pk}))


# --- status -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balance", "status"), [("0.01", "Active"), ("0", "Low balance"), ("-50", "Low balance"), ("-50.01", "Over limit")]
)
def test_the_status_says_how_the_wallet_stands(balance: str, status: str) -> None:
    reseller = Reseller(wallet=LedgerAccount(balance=Decimal(balance), credit_limit=Decimal(50)))

    assert text_of(render_to_string("resellers/_status.html", {"reseller": reseller})) == status


def test_the_list_is_called_what_stands_in_it(asha: User, nadia: User, noor: User, northeast: Reseller) -> None:
    for who, words in ((asha, "Resellers"), (noor, "Resellers"), (nadia, "Sub-resellers")):
        page = signed_in(who).get("/resellers/").content.decode()

        assert f"<title>{words} ·" in page
        assert f"<h1>{words}</h1>" in page
        assert f"<span>{words}</span>" in page


def test_a_sub_reseller_is_not_led_to_a_list_that_is_always_empty(nadia: User, noora: User) -> None:
    assert "/resellers/" in links_of(signed_in(nadia).get("/"))
    assert "/resellers/" not in links_of(signed_in(noora).get("/"))
