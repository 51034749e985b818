"""The pages of imports: uploading, matching, watching, and taking out what is left."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.asserts import assertNumQueries

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry, Grade
from plans.models import Plan
from resellers.models import Reseller
from subscribers import tasks
from subscribers.import_models import KEPT_FOR, ImportState, SubscriberImport
from subscribers.imports.keeping import erase_old_files
from subscribers.models import Subscriber
from tests.cast import fund, group, make_plan, make_staff, signed_in
from tests.jobs import run_inline
from tests.pages import body, error_at, filled, rows_of
from tests.subscribers.files import (
    NEW,
    again,
    ask_for_check,
    checked,
    csv_of,
    imported,
    many,
    press,
    read_csv,
    send_file,
    upload,
)
from tests.subscribers.lines import everything

THREE = csv_of(["amal", "secret-1", "Home"], ["badr", "secret-2", "Home"], ["carla", "secret-3", "Home"])


def url_of(held: SubscriberImport, part: str = "") -> str:
    return f"/subscribers/imports/{held.pk}/{part}"


def fragment(client: Any, url: str, target: str) -> Any:
    """Ask for a part of the page as htmx does."""
    return client.get(url, headers={"HX-Request": "true", "HX-Target": target})


# --- the way through --------------------------------------------------------------------------------------------------


def test_from_the_file_to_the_result(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    client = signed_in(nadia)

    page = send_file(client, north, THREE)
    held = SubscriberImport.objects.get()
    assert (page.status_code, page.url) == (303, url_of(held))
    matching = client.get(url_of(held))
    assert "lines.csv has 3 rows for North Net. Say what each column holds." in body(matching)
    assert [row[1] for row in rows_of(matching)] == ["amal badr carla", "••• ••• •••", "Home Home Home"]

    page = client.post(url_of(held, "checks/"), filled(matching))
    assert (page.status_code, page.url) == (303, url_of(held))
    assert "Checking the rows 0 of 3" in body(client.get(url_of(held)))
    run_inline(tasks.check_import)
    page = client.get(url_of(held))
    assert "Rows 3 Rows with errors 0 Errors 0 To be charged 75.00 USD Available 100.00 USD" in body(page)
    assert "Import 3 subscribers" in body(page)

    page = client.post(url_of(held, "commits/"), {"number": again(held).number})
    assert (page.status_code, page.url) == (303, url_of(held))
    assert "Importing the rows 0 of 3" in body(client.get(url_of(held)))
    run_inline(tasks.import_subscribers)
    page = client.get(url_of(held))
    assert "Subscribers imported 3 Charged 75.00 USD First amal Last carla" in body(page)
    assert [row[1:5] for row in rows_of(client.get("/subscribers/imports/"))] == [
        ["Imported", "North Net", "3", "75.00"]
    ]


def test_while_it_runs_the_page_asks_each_second_and_stops_by_itself(nadia: User, north: Reseller, home: Plan) -> None:
    client = signed_in(nadia)
    held = ask_for_check(nadia, upload(nadia, north, THREE))
    SubscriberImport.objects.update(progress=2)

    running = fragment(client, url_of(held), "import-state").content.decode()
    run_inline(tasks.check_import)
    ended = fragment(client, url_of(held), "import-state").content.decode()

    assert 'hx-trigger="every 1s"' in running
    assert '<progress class="meter" id="progress" max="3" value="2">' in running
    assert "2 of 3" in running
    assert f'href="{url_of(held)}">Refresh' in running
    assert "<html" not in running
    assert "every 1s" not in ended
    assert "Import 3 subscribers" in ended


def test_errors_are_listed_fifty_to_a_page(nadia: User, north: Reseller, home: Plan) -> None:
    client = signed_in(nadia)
    rows = [[f"li ne {each}", "", "Home"] for each in range(120)]
    held = checked(nadia, north, csv_of(*rows))

    first, third = client.get(url_of(held)), fragment(client, f"{url_of(held)}?page=3", "results")

    assert "Rows 120 Rows with errors 120 Errors 120" in body(first)
    assert len(rows_of(first)) == 50
    assert rows_of(first)[0][:3] == ["2", "username", "li ne 0"]
    assert rows_of(first)[0][3].startswith("Use only letters a to z")
    assert len(rows_of(third)) == 20
    assert "Import 120 subscribers" not in body(first)


def test_a_wallet_that_is_short_is_said_before_anybody_presses(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, THREE)

    assert "The wallet holds too little for all of them, so none would be imported." in body(
        signed_in(nadia).get(url_of(held))
    )


def test_why_nothing_was_imported_is_said_on_the_page(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, THREE)
    press(nadia, held)
    run_inline(tasks.import_subscribers)
    client = signed_in(nadia)

    assert "75.00 USD is missing: 75.00 USD is needed and 0.00 USD is available." in body(client.get(url_of(held)))
    assert rows_of(client.get("/subscribers/imports/"))[0][1] == "Not imported"


def test_lines_that_will_be_renewed_at_once_are_warned_of(asha: User, north: Reseller, home: Plan) -> None:
    yesterday = (timezone.now() - timedelta(days=1)).isoformat()
    columns = ("username", "plan", "expires_at", "auto_renew")
    held = checked(asha, north, csv_of(["amal", "Home", yesterday, "yes"], columns=columns), activates=False)

    assert "1 line has expired already and has auto-renew: it is renewed, and charged, right after the import." in body(
        signed_in(asha).get(url_of(held))
    )


# --- uploading --------------------------------------------------------------------------------------------------------

REFUSED = {
    "no file": (None, "This field is required."),
    "empty": (b"", "The file is empty. Its first row has to hold the names of the columns."),
    "not UTF-8": ("username\nZoë".encode("latin-1"), "The file is not in UTF-8, so its letters cannot be told apart."),
    "a workbook": (b"PK\x03\x04", "This is a workbook, not a CSV file."),
    "too large": (b"x" * (20 * 2**20 + 1), "The file has more than 20 MB. Split it into several files."),
    "too many rows": (b"username\n" + b"x\n" * 20_001, "The file has 20,001 rows, and 20,000 is the most."),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_cannot_be_read_is_refused_at_the_field(
    nadia: User, north: Reseller, content: bytes | None, message: str
) -> None:
    client = signed_in(nadia)

    response = client.post(NEW, {"reseller": north.pk}) if content is None else send_file(client, north, content)

    assert response.status_code == 422
    assert error_at(response, "file").startswith(message)
    assert not SubscriberImport.objects.exists()


def test_for_whom_can_be_chosen_among_ones_own(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    def offered(user: User) -> set[Reseller]:
        return set(signed_in(user).get(NEW).context["form"].fields["reseller"].queryset)

    assert offered(asha) == {north, northeast, south}
    assert offered(nadia) == {north, northeast}
    assert offered(noora) == {northeast}
    assert send_file(signed_in(nadia), south, THREE).status_code == 422
    assert send_file(signed_in(noora), north, THREE).status_code == 303
    assert SubscriberImport.objects.get().reseller == northeast


def test_the_template_names_the_columns_of_those_who_ask(asha: User, nadia: User, north: Reseller) -> None:
    of_reseller = read_csv(signed_in(nadia).get("/subscribers/imports/template.csv"))
    of_admin = read_csv(signed_in(asha).get("/subscribers/imports/template.csv"))

    assert of_reseller == [[
        "username", "password", "full_name", "phone", "email", "address", "plan", "nas", "static_ip", "mac",
        "auto_renew", "retail_price", "note",
    ]]  # fmt: skip
    assert set(of_admin[0]) - set(of_reseller[0]) == {"expires_at"}


# --- matching ---------------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_the_matching_stands_at_its_column(nadia: User, north: Reseller, home: Plan) -> None:
    client = signed_in(nadia)
    held = upload(nadia, north, csv_of(["amal", "2099-01-01", "x"], columns=("username", "expires_at", "username")))
    page = client.get(url_of(held))
    assert "Only an admin imports expiry dates. Leave this column out." in body(page)

    response = client.post(
        url_of(held, "checks/"), filled(page, column_1="expires_at", column_2="username", charging="unpaid")
    )

    assert response.status_code == 422
    assert error_at(response, "column_1") == "Only an admin imports expiry dates. Leave this column out."
    assert error_at(response, "column_2") == "Username is matched twice. Leave one of them out."
    assert error_at(response, "plan") == "Say which column holds the plans, or choose a plan for all."
    assert again(held).state == ImportState.UPLOADED


def test_one_plan_for_all_is_chosen_among_those_of_the_reseller(nadia: User, north: Reseller, home: Plan) -> None:
    old = make_plan("Old", is_on_sale=False)
    held = upload(nadia, north, csv_of(["amal"], columns=["username"]))
    client = signed_in(nadia)
    page = client.get(url_of(held))
    assert list(page.context["form"].fields["plan"].queryset) == [home]

    assert client.post(url_of(held, "checks/"), filled(page, plan=old.pk)).status_code == 422
    assert client.post(url_of(held, "checks/"), filled(page, plan=home.pk)).status_code == 303
    run_inline(tasks.check_import)
    assert again(held).total == 25


def test_a_file_with_expiry_dates_begins_unpaid_for_an_admin(asha: User, north: Reseller, home: Plan) -> None:
    held = upload(asha, north, csv_of(["amal", "Home", "2099"], columns=("username", "plan", "expires_at")))

    assert signed_in(asha).get(url_of(held)).context["form"]["charging"].value() == "unpaid"


def test_it_is_matched_otherwise_from_where_it_was(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, THREE, matching=["username", "", "plan"], activates=False)

    form = signed_in(nadia).get(url_of(held, "checks/")).context["form"]

    assert [form[f"column_{at}"].value() for at in range(3)] == ["username", "", "plan"]
    assert form["charging"].value() == "unpaid"


def test_values_of_a_column_that_holds_passwords_are_not_shown(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, "a,b,plan\namal,very-secret,Home\n", matching=["username", "password", "plan"])

    page = signed_in(nadia).get(url_of(held, "checks/"))

    assert "very-secret" not in page.content.decode()


@pytest.mark.parametrize("state", [ImportState.CHECKING, ImportState.IMPORTING, ImportState.IMPORTED])
def test_what_is_being_done_is_not_matched_meanwhile(
    asha: User, nadia: User, north: Reseller, home: Plan, state: ImportState
) -> None:
    fund(north.wallet, "100", actor=asha)
    held = ask_for_check(nadia, upload(nadia, north, THREE))
    client = signed_in(nadia)
    if state != ImportState.CHECKING:
        run_inline(tasks.check_import)
        press(nadia, again(held))
    if state == ImportState.IMPORTED:
        run_inline(tasks.import_subscribers)

    for response in (client.get(url_of(held, "checks/")), client.post(url_of(held, "checks/"), {})):
        assert (response.status_code, response.url) == (303, url_of(held))
    assert again(held).state == state


# --- pressing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["", "-1", "0", "x", "9" * 30, "２"])
def test_another_number_than_that_of_the_check_is_refused(
    nadia: User, north: Reseller, home: Plan, number: str
) -> None:
    held = checked(nadia, north, THREE)

    response = signed_in(nadia).post(url_of(held, "commits/"), {"number": number})

    assert response.status_code == 422
    assert "Only a file that was checked, and that nothing is wrong with, can be imported." in body(response)
    assert again(held).state == ImportState.CHECKED


# --- taking out -------------------------------------------------------------------------------------------------------


def test_the_rows_with_errors_come_back_as_they_are_with_what_is_wrong(
    nadia: User, north: Reseller, home: Plan
) -> None:
    rows = [["am al", "+secret", "Hom", "=1+1"], ["badr", "x", "Home", ""], ["amal", "'+own", "Hom", "'=2"]]
    held = checked(nadia, north, csv_of(*rows, columns=("username", "password", "plan", "note")))

    response = signed_in(nadia).get(url_of(held, "errors.csv"))
    cells = read_csv(response)

    no_plan = "plan: There is no plan of this name. Choose one of these: Home."
    characters = "username: Use only letters a to z, digits and . _ + @ - in the username, without spaces."
    assert response.headers["Content-Disposition"] == f'attachment; filename="import-{held.pk}-errors.csv"'
    assert cells == [
        ["username", "password", "plan", "note", "problems"],
        ["am al", "+secret", "Hom", "'=1+1", f"{characters}; {no_plan}"],
        ["amal", "'+own", "Hom", "''=2", no_plan],
    ]
    entry = AuditEntry.objects.get(action=Action.IMPORT_ROWS_TAKEN)
    assert (entry.object_id, entry.changes, entry.grade) == (held.pk, {"rows": [None, 2]}, Grade.SECURITY)


def test_the_rows_with_errors_are_imported_once_they_are_mended(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, csv_of(["am al", "x", "Home"], ["badr", "x", "Home"]))
    content = signed_in(nadia).get(url_of(held, "errors.csv")).getvalue()

    imported(nadia, north, content.replace(b"am al", b"amal"), activates=False)

    assert Subscriber.objects.get().username == "amal"


def test_cells_beyond_the_columns_stand_behind_what_is_wrong(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, "username,plan\namal,Home,a,b\nbadr\n")

    cells = read_csv(signed_in(nadia).get(url_of(held, "errors.csv")))

    assert [row[:2] + row[3:] for row in cells[1:]] == [["amal", "Home", "a", "b"], ["badr", ""]]
    assert [row[2].partition(".")[0] for row in cells[1:]] == [
        "The row has more cells than there are columns",
        "plan: Say which plan, or choose a plan for all",
    ]


def test_without_errors_there_are_no_rows_to_take_out(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, THREE)

    assert signed_in(nadia).get(url_of(held, "errors.csv")).status_code == 404


def test_generated_passwords_are_taken_out_by_who_imported_and_the_trail_knows(
    nadia: User, north: Reseller, home: Plan
) -> None:
    held = imported(nadia, north, csv_of(["amal", "own", "Home"], ["badr", "", "Home"]), activates=False)
    client = signed_in(nadia)
    assert "1 password was generated. Whoever uploaded the file can take them out" in body(client.get(url_of(held)))

    head, row = read_csv(client.post(url_of(held, "passwords.csv")))

    assert (head, row[0], len(row[1])) == (["username", "password"], "badr", 16)
    entry = AuditEntry.objects.get(action=Action.IMPORT_PASSWORDS_TAKEN)
    assert (entry.actor_name, entry.changes, entry.grade) == ("nadia", {"rows": [None, 1]}, Grade.SECURITY)
    assert row[1] not in str(list(AuditEntry.objects.values()))


def test_passwords_that_were_erased_are_not_offered(nadia: User, north: Reseller, home: Plan) -> None:
    held = imported(nadia, north, csv_of(["badr", "", "Home"]), activates=False)
    erase_old_files(now=timezone.now() + KEPT_FOR + timedelta(hours=1))
    client = signed_in(nadia)

    assert "The list of them is erased." in body(client.get(url_of(held)))
    assert client.post(url_of(held, "passwords.csv")).status_code == 404


# --- others -----------------------------------------------------------------------------------------------------------


def test_south_sees_nothing_of_norths_imports(nadia: User, sami: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, csv_of(["am al", "", "Home"]))
    client = signed_in(sami)

    assert "No imports yet" in body(client.get("/subscribers/imports/"))
    for part in ("", "checks/", "errors.csv"):
        assert client.get(url_of(held, part)).status_code == 404
    for part in ("checks/", "commits/", "passwords.csv"):
        assert client.post(url_of(held, part), {"number": held.number}).status_code == 404


def test_others_of_the_same_tree_see_how_far_it_is_and_nothing_of_the_file(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    clerk = make_staff(asha, northeast, "clerk", group("SALES"))
    text = csv_of(["am al", "very-secret", "Home"], ["badr", "x", "Home"])
    held = checked(noora, northeast, text)
    before = everything()

    for user in (asha, nadia, clerk):
        client = signed_in(user)
        page = client.get(url_of(held))
        assert "Rows 2 Rows with errors 1 Errors 1" in body(page)
        assert "am al" not in page.content.decode()
        for part in ("checks/", "errors.csv"):
            assert client.get(url_of(held, part)).status_code == 403
        for part in ("checks/", "commits/", "passwords.csv"):
            assert client.post(url_of(held, part), {"number": held.number}).status_code == 403
        assert "lines.csv" in body(client.get("/subscribers/imports/"))
    refusals = AuditEntry.objects.filter(action=Action.REFUSED).count()
    assert everything() == before | {"audit_entries": before["audit_entries"] + refusals}


def test_an_admin_in_north_s_seat_does_not_reach_what_nadia_uploaded(
    asha: User, nadia: User, north: Reseller, home: Plan
) -> None:
    held = checked(nadia, north, csv_of(["am al", "", "Home"]))
    client = signed_in(asha)
    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to help"})

    assert client.get(url_of(held)).status_code == 200
    assert client.get(url_of(held, "errors.csv")).status_code == 403


def test_without_the_permission_there_are_no_imports(asha: User, noor: User, north: Reseller, home: Plan) -> None:
    helper = make_staff(asha, north, "helper", group("SUPPORT"))

    for user in (noor, helper):
        client = signed_in(user)
        for url in ("/subscribers/imports/", NEW, "/subscribers/imports/template.csv"):
            assert client.get(url).status_code == 403
        assert send_file(client, north, THREE).status_code == 403


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_takes_as_many_queries_for_many_as_for_one(nadia: User, north: Reseller, home: Plan) -> None:
    client = signed_in(nadia)
    upload(nadia, north, THREE)
    with assertNumQueries(7) as one:
        client.get("/subscribers/imports/")
    for _each in range(20):
        upload(nadia, north, THREE)

    with assertNumQueries(len(one)):
        response = client.get("/subscribers/imports/")

    assert len(rows_of(response)) == 21
    assert [row[1] for row in rows_of(response)] == [*["Uploaded"] * 5, *["Erased"] * 16]


def test_what_was_erased_says_so(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, csv_of(["am al", "", "Home"]))
    erase_old_files(now=timezone.now() + KEPT_FOR)
    client = signed_in(nadia)

    assert "The file was erased without having been imported. Upload it again to import it." in body(
        client.get(url_of(held))
    )
    assert client.get(url_of(held, "errors.csv")).status_code == 404
    assert client.get(url_of(held, "checks/")).status_code == 303


def test_the_audit_trail_leads_to_the_import(nadia: User, north: Reseller, home: Plan) -> None:
    held = imported(nadia, north, many(1), activates=False)
    entry = AuditEntry.objects.get(action=Action.SUBSCRIBERS_IMPORTED)

    assert url_of(held) in signed_in(nadia).get(f"/audit/{entry.pk}/").content.decode()
