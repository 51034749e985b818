"""The dry run: every error by row and column, with what to do, and nothing written."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import PermissionGroup, User
from accounts.seats import Seat
from audit.actions import Action
from audit.models import AuditEntry
from ispanel import crypto
from ispanel.models import PanelSettings
from network.models import Nas
from plans.models import Level, Plan, ServiceGroup
from resellers.models import Reseller
from subscribers import tasks
from subscribers.import_models import ImportState, SubscriberImport
from subscribers.imports.fields import UnusableMatching
from subscribers.imports.keeping import problems_in
from subscribers.models import Subscriber
from subscribers.operations import imports
from tests.cast import NOW, fund, make_plan, seat_of
from tests.jobs import run_inline
from tests.subscribers.files import again, ask_for_check, checked, csv_of, many, press, problems, upload
from tests.subscribers.lines import add, everything

TAKEN = "The username “amal” is taken. Choose another one."


def make_nas(name: str = "Tower", address: str = "203.0.113.7") -> Nas:
    return Nas.objects.create(name=name, address=address, secret_ciphertext=b"x", created_at=NOW, updated_at=NOW)


def of_one(
    actor: User, reseller: Reseller, column: str, value: str, *, username: str = "amal", **options: Any
) -> SubscriberImport:
    """Check a file of one line with this value in this column."""
    columns = list(dict.fromkeys(["username", column, "plan"]))
    values = {"username": username, "plan": "Home", column: value}
    return checked(actor, reseller, csv_of([values[name] for name in columns], columns=columns), **options)


# --- what is found ----------------------------------------------------------------------------------------------------


def test_nothing_is_written_and_the_total_is_known(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "30", actor=asha)
    before = everything()

    held = checked(nadia, north, csv_of(["amal", "x", "Home"], ["badr", "x", "Home"]))

    assert (held.state, held.total, held.problem_count) == (ImportState.CHECKED, 50, 0)
    assert held.can_be_imported
    left = {name: now - before[name] for name, now in everything().items() if now != before[name]}
    assert left == {"audit_entries": 1}


def test_the_check_stands_in_the_trail(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, csv_of(["amal", "x", "Home"], ["amal", "x", "Home"]))

    entry = AuditEntry.objects.get(action=Action.IMPORT_CHECKED)
    assert (entry.actor_name, entry.object_id, entry.reseller_id) == ("nadia", held.pk, north.pk)
    assert entry.changes == {"rows": [None, 2], "problems": [None, 1]}


def test_the_total_is_what_the_wallet_pays_after_the_levels_discount(
    asha: User, nadia: User, north: Reseller, home: Plan
) -> None:
    level = Level.objects.order_by("-discount").first()
    assert level
    Level.objects.filter(pk=level.pk).update(discount=10)
    Reseller.objects.filter(pk=north.pk).update(level=level)

    assert checked(nadia, north, csv_of(["amal", "x", "Home"])).total == Decimal("22.50")
    assert checked(nadia, north, csv_of(["amal", "x", "Home"]), activates=False).total == 0


CHARACTERS = "Use only letters a to z, digits and . _ + @ - in the username, without spaces."
NO_IP = "Enter a valid IPv4 or IPv6 address."
NO_MAC = "Enter twelve hexadecimal digits, as in AA:BB:CC:DD:EE:FF."
NULL = "There is a null character in it. Take it out."
WRONG = {
    "no username": ("username", "", "A username is needed."),
    "a username with a space": ("username", "am al", CHARACTERS),
    "a username in other letters": ("username", "أمل", CHARACTERS),
    "a username of 151": ("username", "a" * 151, "It has 151 letters, and 150 is the most."),
    "a username with a null character": ("username", "am\0al", NULL),
    "a name of 151": ("full_name", "a" * 151, "It has 151 letters, and 150 is the most."),
    "a phone of 41": ("phone", "0" * 41, "It has 41 letters, and 40 is the most."),
    "a note of 1,001": ("note", "n" * 1001, "It has 1001 letters, and 1000 is the most."),
    "an address with a null character": ("address", "Sea\0Road", NULL),
    "an email that is none": ("email", "amal", "Enter a valid email address."),
    "an email of 255": ("email", f"{'a' * 243}@example.com", "It has 255 letters, and 254 is the most."),
    "an IP that is none": ("static_ip", "10.0.0.256", NO_IP),
    "an IP with a mask": ("static_ip", "10.0.0.1/24", NO_IP),
    "a MAC that is none": ("mac", "AA:BB", NO_MAC),
    "a MAC of other letters": ("mac", "GG:BB:CC:DD:EE:FF", NO_MAC),
    "auto-renew that is neither": ("auto_renew", "perhaps", "Write yes or no."),
    "an amount in words": ("retail_price", "ten", "Enter digits with a point for decimals, for example 25.00."),
    "an amount below zero": ("retail_price", "-5", "Enter an amount above zero, without a minus sign."),
    "an amount with thousands": ("retail_price", "1,000", "Enter digits with a point for decimals"),
    "an amount with a power": ("retail_price", "1e3", "Enter digits with a point for decimals"),
    "too many decimals": ("retail_price", "1.005", "USD has 2 decimals; enter no more than that."),
    "too high an amount": ("retail_price", "9" * 20, "The highest amount is"),
    "an unknown plan": ("plan", "Hom", "There is no plan of this name. Choose one of these: Home."),
    "no plan": ("plan", "", "Say which plan, or choose a plan for all."),
    "another reseller": ("reseller", "sami", "You import for nadia. Take this row out, or leave the column out."),
    "an unknown NAS device": ("nas", "Tower", "There is no NAS device of this name."),
}


@pytest.mark.parametrize(("column", "value", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_by_row_column_and_value_with_what_to_do(
    nadia: User, north: Reseller, home: Plan, column: str, value: str, message: str
) -> None:
    held = of_one(nadia, north, column, value)

    [(row, head, shown, sentence)] = problems(held)
    assert (row, head, shown) == (2, column, value[:200])
    assert sentence.startswith(message)
    assert not held.can_be_imported


RIGHT = {
    "folded": ("username", " AMAL ", "username", "amal"),
    "leading zeros of a username": ("username", "00961", "username", "00961"),
    "leading zeros of a phone": ("phone", "0096170123456", "phone", "0096170123456"),
    "a phone with a plus, as exports write it": ("phone", "'+961 70", "phone", "+961 70"),
    "an apostrophe of one’s own": ("full_name", "'Abd al-Rahman", "full_name", "'Abd al-Rahman"),
    "an Arabic name": ("full_name", "أمل حداد", "full_name", "أمل حداد"),
    "line breaks": ("address", "5 Sea Road\nSidon", "address", "5 Sea Road\nSidon"),
    "a MAC with dots": ("mac", "aabb.ccdd.eeff", "mac", "AA:BB:CC:DD:EE:FF"),
    "an IPv6 address": ("static_ip", "2001:DB8::1", "static_ip", "2001:db8::1"),
    "no address": ("static_ip", "", "static_ip", None),
    "auto-renew": ("auto_renew", "Yes", "auto_renew", True),
    "no auto-renew": ("auto_renew", "", "auto_renew", False),
    "a price": ("retail_price", "12.5", "retail_price", Decimal("12.5")),
    "a price of nothing": ("retail_price", "0", "retail_price", Decimal(0)),
    "no price of its own": ("retail_price", "", "retail_price", None),
    "its own reseller": ("reseller", "Nadia", "full_name", ""),
    "a plan in small letters": ("plan", "home", "username", "amal"),
}


@pytest.mark.parametrize(("column", "value", "field", "kept"), RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_kept_as_it_is_meant(
    nadia: User, north: Reseller, home: Plan, column: str, value: str, field: str, kept: Any
) -> None:
    held = of_one(nadia, north, column, value, activates=False)
    press(nadia, held)
    run_inline(tasks.import_subscribers)

    assert problems(held) == []
    assert getattr(Subscriber.objects.get(), field) == kept
    assert Subscriber.objects.get().plan == home


def test_every_error_of_every_row_is_listed_and_nothing_is_written(
    asha: User, nadia: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "100000", actor=asha)
    rows = [[f"line-{each}", "secret", "Home", "0700", "AA:BB:CC:DD:EE:FF"] for each in range(300)]
    rows[10][0], rows[10][4] = "li ne", "AA"
    rows[150][2] = "Hom"
    rows[299][0] = "line-3"
    columns = ("username", "password", "plan", "phone", "mac")
    before = everything()

    held = checked(nadia, north, csv_of(*rows, columns=columns))

    assert [found[:3] for found in problems(held)] == [
        (12, "username", "li ne"),
        (12, "mac", "AA"),
        (152, "plan", "Hom"),
        (301, "username", "line-3"),
    ]
    assert problems(held)[3][3] == "Row 5 has this username too. Choose another one for one of them."
    assert (held.problem_count, held.problem_rows) == (4, 3)
    assert everything() == before | {"audit_entries": before["audit_entries"] + 1}


@pytest.mark.parametrize("terminated", [False, True])
def test_names_that_are_taken_are_named_also_by_terminated_and_foreign_lines(
    asha: User, nadia: User, north: Reseller, south: Reseller, home: Plan, terminated: bool
) -> None:
    add(asha, south, home, activate=False)
    Subscriber.objects.update(terminated_at=NOW if terminated else None)

    held = checked(nadia, north, csv_of(["badr", "x", "Home"], ["AMAL", "x", "Home"]))

    assert problems(held) == [(3, "username", "amal", TAKEN)]


def test_a_row_with_more_cells_than_there_are_columns_is_named(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, "username,plan,note\namal,Home,a, b\nbadr,Home,c,,\ncarla,Home\n")

    assert problems(held) == [
        (2, "", "", "The row has more cells than there are columns. Put a value that holds a “,” between quotes.")
    ]


def test_a_row_that_is_cut_short_has_nothing_in_the_cells_that_are_missing(
    nadia: User, north: Reseller, home: Plan
) -> None:
    held = checked(nadia, north, "username,plan,note\namal,Home\nbadr\n")

    assert problems(held) == [(3, "plan", "", "Say which plan, or choose a plan for all.")]


def test_what_stands_in_the_column_of_the_passwords_is_shown_to_nobody(
    nadia: User, north: Reseller, home: Plan
) -> None:
    secret = "s" * 129

    held = of_one(nadia, north, "password", secret)

    assert problems(held) == [(2, "password", "•••", "It has 129 letters, and 128 is the most.")]


def test_everything_that_is_kept_of_a_file_is_encrypted(nadia: User, north: Reseller, home: Plan) -> None:
    held = checked(nadia, north, csv_of(["am al", "very-secret", "Home"]))

    row = SubscriberImport.objects.values().get()
    assert "very-secret" not in str(row)
    assert "am al" not in str(row)
    text = json.loads(crypto.decrypt(row["file_ciphertext"], purpose=held.purpose_of("file")))
    assert "very-secret" in text
    assert "very-secret" not in str(list(AuditEntry.objects.values()))
    assert problems_in(again(held))[0].value == "am al"


# --- the reseller's terms ---------------------------------------------------------------------------------------------


def test_a_plan_outside_the_groups_and_one_no_longer_sold_are_refused(asha: User, north: Reseller, home: Plan) -> None:
    few = ServiceGroup.objects.create(name="Few")
    few.plans.set([home, make_plan("Old", is_on_sale=False)])
    make_plan("Big")
    north.service_groups.set([few])

    held = checked(asha, north, csv_of(["amal", "", "Home"], ["badr", "", "Big"], ["carla", "", "Old"]))

    assert [found[3] for found in problems(held)] == [
        "The plan Big is in none of the service groups of North Net.",
        "The plan Old is no longer sold. Choose another one.",
    ]


def test_a_plan_that_a_reseller_does_not_see_reads_as_one_that_is_not_there(
    nadia: User, north: Reseller, home: Plan
) -> None:
    few = ServiceGroup.objects.create(name="Few")
    few.plans.set([home, make_plan("Old", is_on_sale=False)])
    make_plan("Big")
    north.service_groups.set([few])

    held = checked(nadia, north, csv_of(["amal", "", "None"], ["badr", "", "Big"], ["carla", "", "Old"]))

    assert [found[3] for found in problems(held)] == 3 * ["There is no plan of this name. Choose one of these: Home."]


def test_a_reseller_without_a_service_group_is_told_so_once(nadia: User, north: Reseller, home: Plan) -> None:
    north.service_groups.clear()

    held = checked(nadia, north, many(3))

    assert (held.state, held.problem_count) == (ImportState.UPLOADED, 0)
    assert held.refusal == "North Net has no service group, so it can sell nothing. Ask the administrator for one."


def test_a_nas_outside_the_scope_is_refused_a_sub_resellers_too_and_named_to_an_admin_alone(
    asha: User, noora: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    tower, _far = make_nas(), make_nas("Far", "203.0.113.8")
    north.nas_devices.set([tower])
    Reseller.objects.filter(pk=north.pk).update(nas_is_limited=True)
    columns = ("username", "plan", "nas")

    text = csv_of(["amal", "Home", "tower"], ["badr", "Home", "Far"], ["carla", "Home", "None"], columns=columns)
    told_noora = problems(checked(noora, northeast, text, activates=False))
    told_asha = problems(checked(asha, northeast, text, activates=False))

    unknown = "There is no NAS device of this name. Choose one of these: Tower."
    assert told_noora == [(3, "nas", "Far", unknown), (4, "nas", "None", unknown)]
    assert told_asha == [
        (3, "nas", "Far", "The NAS device Far is not within the scope of Northeast Net."),
        (4, "nas", "None", unknown),
    ]


def test_one_plan_for_all_fills_in_for_rows_that_name_none(nadia: User, north: Reseller, home: Plan) -> None:
    make_plan("Big", "40")

    held = checked(nadia, north, csv_of(["amal", "", "Big"], ["badr", "", ""]), plan=home)
    without = checked(nadia, north, csv_of(["amal"], ["badr"], columns=["username"]), plan=home)

    assert (held.total, without.total) == (65, 50)


# --- how columns may be matched ---------------------------------------------------------------------------------------


def refused(actor: User, reseller: Reseller, text: str, matching: Sequence[str] | None = None, **options: Any) -> str:
    held = upload(actor, reseller, text)
    with pytest.raises(UnusableMatching) as refusal:
        ask_for_check(actor, held, matching=matching, **options)
    assert again(held).state == ImportState.UPLOADED
    return f"{refusal.value.field}: {refusal.value}"


def test_a_username_and_a_plan_are_needed(nadia: User, north: Reseller, home: Plan) -> None:
    assert refused(nadia, north, "full_name,plan\nx,Home\n") == "None: Say which column holds the usernames."
    assert (
        refused(nadia, north, "username\namal\n") == "plan: Say which column holds the plans, or choose a plan for all."
    )


def test_no_field_is_in_two_columns(nadia: User, north: Reseller, home: Plan) -> None:
    said = refused(nadia, north, csv_of(["amal", "x", "Home"]), ["username", "username", "plan"])

    assert said == "column_1: Username is matched twice. Leave one of them out."


def test_what_is_no_field_is_refused(nadia: User, north: Reseller, home: Plan) -> None:
    said = refused(nadia, north, csv_of(["amal", "x", "Home"]), ["username", "status", "plan"])

    assert said == "column_1: Choose one of the fields, or leave the column out."


def test_expiry_by_a_reseller_is_refused_and_left_out_it_is_not_read(nadia: User, north: Reseller, home: Plan) -> None:
    text = csv_of(["amal", "Home", "2099-01-01"], columns=("username", "plan", "expires_at"))

    said = refused(nadia, north, text, ["username", "plan", "expires_at"], activates=False)
    held = checked(nadia, north, text, matching=["username", "plan", ""], activates=False)

    assert said == "column_2: Only an admin imports expiry dates. Leave this column out."
    assert problems(held) == []


def test_expiry_from_a_reseller_s_seat_is_refused_to_an_admin_too(asha: User, north: Reseller, home: Plan) -> None:
    seat = Seat(seat_of(asha).login, seat_of(north.user).login)
    text = csv_of(["amal", "Home", "2099-01-01"], columns=("username", "plan", "expires_at"))
    held = imports.upload_file(actor=seat, reseller=north, file_name="x.csv", content=text.encode(), now=NOW)

    with pytest.raises(UnusableMatching, match="Only an admin imports expiry dates"):
        imports.ask_for_check(
            actor=seat,
            import_id=held.pk,
            matching=["username", "plan", "expires_at"],
            plan=None,
            activates=False,
            now=NOW,
        )


def test_a_file_with_expiry_dates_charges_nothing(asha: User, north: Reseller, home: Plan) -> None:
    text = csv_of(["amal", "Home", "2099-01-01"], columns=("username", "plan", "expires_at"))

    said = refused(asha, north, text, activates=True)

    assert said.startswith("charging: A file with expiry dates charges nothing. Choose “Save unpaid”")


def test_a_price_without_the_permission_to_set_it_is_refused(asha: User, south: Reseller, home: Plan) -> None:
    codes = ["subscribers.view", "subscribers.import"]
    Reseller.objects.filter(pk=south.pk).update(
        permission_group=PermissionGroup.objects.create(name="Importers", codes=codes)
    )
    text = csv_of(["amal", "Home", "5"], columns=("username", "plan", "retail_price"))

    said = refused(south.user, south, text, ["username", "plan", "retail_price"])

    assert said == "column_2: Your permissions do not let you set prices. Leave this column out."


# --- expiry dates of a migration --------------------------------------------------------------------------------------

DATES = {
    "a day lasts until its end": ("2027-05-31", datetime(2027, 5, 31, 21, 0, tzinfo=UTC)),
    "a moment with its zone": ("2027-05-31T18:00:00+01:00", datetime(2027, 5, 31, 17, 0, tzinfo=UTC)),
    "a moment in the installation's zone": ("2027-05-31 18:00", datetime(2027, 5, 31, 15, 0, tzinfo=UTC)),
    "in UTC": ("2027-05-31T18:00Z", datetime(2027, 5, 31, 18, 0, tzinfo=UTC)),
}


@pytest.mark.parametrize(("typed", "meant"), DATES.values(), ids=DATES)
def test_dates_are_read_in_the_installations_zone(
    asha: User, north: Reseller, home: Plan, typed: str, meant: datetime
) -> None:
    PanelSettings.objects.update(time_zone="Asia/Beirut")
    held = of_one(asha, north, "expires_at", typed, activates=False)
    press(asha, held)
    run_inline(tasks.import_subscribers)

    assert Subscriber.objects.get().expires_at == meant


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("31/05/2027", "Write it as in 2026-05-31, or 2026-05-31T18:00+03:00."),
        ("soon", "Write it as in 2026-05-31"),
        ("2027-02-30", "Write it as in 2026-05-31"),
        ("9999-12-31", "That is more than ten years ahead. Write an earlier date."),
        ("0001-01-01", "That is more than ten years ago. Write a later date."),
    ],
)
def test_dates_that_are_none_are_named(asha: User, north: Reseller, home: Plan, typed: str, message: str) -> None:
    held = of_one(asha, north, "expires_at", typed, activates=False)

    [(row, column, value, sentence)] = problems(held)
    assert (row, column, value) == (2, "expires_at", typed)
    assert sentence.startswith(message)


def test_lines_that_will_be_renewed_and_charged_at_once_are_counted(asha: User, north: Reseller, home: Plan) -> None:
    past, ahead = (timezone.now() + timedelta(days=days) for days in (-3, 3))
    rows = [["amal", "Home", past.isoformat(), "yes"], ["badr", "Home", past.isoformat(), "no"]]
    rows += [["carla", "Home", ahead.isoformat(), "yes"], ["dana", "Home", "", "yes"]]

    held = checked(
        asha, north, csv_of(*rows, columns=("username", "plan", "expires_at", "auto_renew")), activates=False
    )

    assert held.overdue_count == 1


# --- who, and when ----------------------------------------------------------------------------------------------------


def test_a_check_that_was_asked_for_before_another_one_counts_for_nothing(
    nadia: User, north: Reseller, home: Plan
) -> None:
    held = ask_for_check(nadia, upload(nadia, north, csv_of(["amal", "", "Home"])))
    SubscriberImport.objects.filter(pk=held.pk).update(number=7)

    run_inline(tasks.check_import)

    assert again(held).state == ImportState.CHECKING


def test_a_login_that_may_not_import_any_more_learns_nothing(nadia: User, north: Reseller, home: Plan) -> None:
    held = ask_for_check(nadia, upload(nadia, north, csv_of(["am al", "", "Home"])))
    Reseller.objects.filter(pk=north.pk).update(permission_group=PermissionGroup.objects.get(name="SUPPORT"))

    run_inline(tasks.check_import)

    held = again(held)
    assert (held.state, held.problem_count) == (ImportState.UPLOADED, 0)
    assert held.refusal == "nadia may not import subscribers any more."
    assert AuditEntry.objects.get(action=Action.REFUSED).actor_name == "nadia"
