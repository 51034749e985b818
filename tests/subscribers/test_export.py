"""Subscribers as a file: what the list shows, harmless in spreadsheets, and good for an import."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertNumQueries

from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.models import PanelSettings
from network.models import Nas
from plans.models import Plan
from resellers.models import Reseller
from subscribers import tasks
from subscribers.models import Renewal, Subscriber
from tests.cast import NOW, fund, make_plan, signed_in
from tests.jobs import run_inline
from tests.subscribers.files import again, checked, imported, press, problems, read_csv, rows_by_name
from tests.subscribers.lines import LINE_PASSWORD, add

EXPORT = "/subscribers/export.csv"
COLUMNS = [
    "username", "full_name", "phone", "email", "address", "plan", "reseller", "nas", "static_ip", "mac", "auto_renew",
    "retail_price", "expires_at", "status", "note",
]  # fmt: skip


def exported(client: Client, **filters: Any) -> dict[str, dict[str, str]]:
    """Return the rows of the file by the username."""
    return rows_by_name(read_csv(client.get(EXPORT, filters)))


@pytest.fixture
def lines(asha: User, north: Reseller, northeast: Reseller, south: Reseller, home: Plan) -> list[Subscriber]:
    """Return a line of North, one of its sub-reseller and one of South."""
    return [
        add(asha, owner, home, name, activate=False)
        for owner, name in ((north, "of.north"), (northeast, "of.northeast"), (south, "of.south"))
    ]


def test_it_holds_everything_but_the_password(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    PanelSettings.objects.update(time_zone="Asia/Beirut")
    fund(north.wallet, "100", actor=asha)
    now = timezone.now().replace(microsecond=0)
    tower = Nas.objects.create(
        name="Tower", address="203.0.113.7", secret_ciphertext=b"x", created_at=NOW, updated_at=NOW
    )
    add(
        asha, north, home, "amal", now=now, full_name="Amal, “Haddad”", phone="0096170123456", email="amal@example.com",
        address="5 Sea Road\nSidon", nas=tower, static_ip="10.0.0.1", mac="AA:BB:CC:DD:EE:FF", auto_renew=True,
        note="x",
    )  # fmt: skip
    Subscriber.objects.update(retail_price=Decimal("30"))
    client = signed_in(nadia)

    response = client.get(EXPORT)
    cells = read_csv(response)

    expires_at = home.end_of_period(now).astimezone(ZoneInfo("Asia/Beirut"))
    assert response.headers["Content-Disposition"].startswith('attachment; filename="subscribers-')
    assert cells[0] == COLUMNS
    row = dict(zip(COLUMNS, cells[1], strict=True))
    assert row.pop("expires_at") == expires_at.isoformat()
    assert row == {
        "username": "amal", "full_name": "Amal, “Haddad”", "phone": "0096170123456", "email": "amal@example.com",
        "address": "5 Sea Road\nSidon", "plan": "Home", "reseller": "nadia", "nas": "Tower", "static_ip": "10.0.0.1",
        "mac": "AA:BB:CC:DD:EE:FF", "auto_renew": "yes", "retail_price": "30.00", "status": "active", "note": "x",
    }  # fmt: skip
    assert LINE_PASSWORD not in str(cells)


def test_each_sees_in_it_what_it_sees_in_the_list(
    asha: User, nadia: User, noora: User, sami: User, lines: list[Subscriber]
) -> None:
    assert exported(signed_in(asha)).keys() == {"of.north", "of.northeast", "of.south"}
    assert exported(signed_in(nadia)).keys() == {"of.north", "of.northeast"}
    assert exported(signed_in(noora)).keys() == {"of.northeast"}
    assert exported(signed_in(sami)).keys() == {"of.south"}


def test_it_holds_what_the_lists_filters_leave(
    asha: User, north: Reseller, home: Plan, lines: list[Subscriber]
) -> None:
    fund(north.wallet, "100", actor=asha)
    add(asha, north, make_plan("Big", "40"), "active.one", now=timezone.now())
    client = signed_in(asha)

    assert exported(client, q="north").keys() == {"of.north", "of.northeast"}
    assert exported(client, status="active").keys() == {"active.one"}
    assert exported(client, reseller=north.pk).keys() == {"of.north", "active.one"}
    assert exported(client, plan=home.pk, reseller=north.pk).keys() == {"of.north"}


def test_terminated_lines_are_not_in_it(asha: User, lines: list[Subscriber]) -> None:
    Subscriber.objects.filter(username="of.south").update(terminated_at=NOW)

    assert "of.south" not in exported(signed_in(asha))


def test_it_stands_in_the_trail_with_how_many_and_by_which_filters(
    nadia: User, north: Reseller, home: Plan, lines: list[Subscriber]
) -> None:
    signed_in(nadia).get(EXPORT, {"q": "of", "plan": home.pk})

    entry = AuditEntry.objects.get(action=Action.SUBSCRIBERS_EXPORTED)
    assert (entry.actor_name, entry.reseller_id) == ("nadia", north.pk)
    assert entry.changes == {"rows": [None, 2], "q": [None, "of"], "plan": [None, "Home"]}


def test_no_spreadsheet_computes_what_is_in_it(asha: User, lines: list[Subscriber]) -> None:
    Subscriber.objects.filter(username="of.south").update(full_name="=1+1", phone="+961 70", note="@SUM(A1)")

    row = exported(signed_in(asha), q="of.south")["of.south"]

    assert (row["full_name"], row["phone"], row["note"]) == ("'=1+1", "'+961 70", "'@SUM(A1)")


def test_without_the_permission_there_is_no_file(asha: User, noor: User, south: Reseller) -> None:
    codes = ["subscribers.view", "subscribers.import"]
    Reseller.objects.filter(pk=south.pk).update(permission_group=PermissionGroup.objects.create(name="X", codes=codes))

    for user in (noor, south.user):
        assert signed_in(user).get(EXPORT).status_code == 403


def test_many_rows_take_a_query_a_thousand(asha: User, north: Reseller, home: Plan) -> None:
    client = signed_in(asha)

    def make(count: int, name: str) -> None:
        Subscriber.objects.bulk_create(
            Subscriber(
                username=f"{name}{each}", password_ciphertext=b"x", plan=home, reseller=north, created_at=NOW,
                updated_at=NOW,
            )
            for each in range(count)
        )  # fmt: skip

    make(10, "a")
    with assertNumQueries(10) as few:
        assert len(exported(client)) == 10
    make(1990, "b")
    with assertNumQueries(len(few) + 1):
        assert len(exported(client)) == 2000


# --- and back again ---------------------------------------------------------------------------------------------------


def test_what_is_exported_can_be_imported_and_is_the_same(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "1000", actor=asha)
    # What was paid for has an invoice, and no line with one can be taken away again.
    Plan.objects.update(price=0)
    home.refresh_from_db()
    now = timezone.now().replace(microsecond=0)
    Nas.objects.create(name="Tower", address="203.0.113.7", secret_ciphertext=b"x", created_at=NOW, updated_at=NOW)
    names = ("plain", "-dash", "00961", "+plus", "@at")
    texts = (
        "",
        "=1+1",
        "'quoted",
        "'+1",
        "''=x",
        "-1",
        "أمل, حداد",
        '5" pipe; "x"',
        "two\nlines\r\nthree",
        "@x",
    )
    for at, text in enumerate(texts):
        add(
            asha, north, home, names[at] if at < len(names) else f"line.{at}", now=now, activate=at % 2 == 0,
            full_name=text, note=text, phone="+961 0700", auto_renew=at % 3 == 0,
            nas=Nas.objects.get() if at % 2 else None, static_ip="2001:db8::1" if at else None,
        )  # fmt: skip
    Subscriber.objects.filter(username="plain").update(retail_price=Decimal("12.34"))
    fields = [
        "username", "full_name", "phone", "email", "address", "plan", "reseller", "nas", "static_ip", "mac",
        "auto_renew", "retail_price", "expires_at", "note",
    ]  # fmt: skip
    before = list(Subscriber.objects.order_by("username").values_list(*fields))
    content = signed_in(asha).get(EXPORT, {"reseller": north.pk}).getvalue()
    Renewal.objects.all().delete()
    Subscriber.objects.all().delete()

    held = imported(asha, north, content, activates=False)

    assert list(Subscriber.objects.order_by("username").values_list(*fields)) == before
    assert held.total == 0
    assert held.columns == COLUMNS
    assert held.matching == [name if name != "status" else "" for name in COLUMNS]


def test_a_reseller_imports_its_own_export_without_the_expiry(
    nadia: User, north: Reseller, home: Plan, lines: list[Subscriber]
) -> None:
    content = signed_in(nadia).get(EXPORT, {"q": "of.north", "reseller": north.pk}).getvalue()
    Subscriber.objects.all().delete()

    held = checked(nadia, north, content, activates=False)
    press(nadia, held)
    run_inline(tasks.import_subscribers)

    assert again(held).is_imported
    assert list(Subscriber.objects.values_list("username", "expires_at")) == [("of.north", None)]


def test_the_rows_of_a_sub_reseller_are_not_taken_for_ones_own(
    nadia: User, north: Reseller, home: Plan, lines: list[Subscriber]
) -> None:
    content = signed_in(nadia).get(EXPORT).getvalue()
    Subscriber.objects.all().delete()

    held = checked(nadia, north, content, activates=False)

    [(_row, column, value, message)] = problems(held)
    assert (column, value) == ("reseller", "noora")
    assert message == "You import for nadia. Take this row out, or leave the column out."
