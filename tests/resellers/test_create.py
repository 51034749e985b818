"""Taking on a reseller, and everything for which it is refused."""

from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F

from accounts.models import InitialPassword, LoginName, PermissionGroup, User, UserType
from accounts.permissions import OWN_SCOPE_CODES
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from resellers.models import Reseller
from resellers.operations import GroupOutOfReach, create_reseller
from tests.cast import NOW, group, make_admin, make_reseller, make_staff, new_key, seat_of, signed_in
from tests.failing import FailsAt
from tests.pages import TABLES, body, counts, error_at, filled, send
from wallet.models import Entry, LedgerAccount, Transfer, TransferKind

NEW = "/resellers/new"
PASSWORD = "SecurePass123!"
ALNOOR = {"username": "alnoor", "password": PASSWORD, "company_name": "Al-Noor Net"}


def admins_wish(**typed: Any) -> dict[str, Any]:
    return {**ALNOOR, "email": "", "permission_group": group("SALES").pk, **typed}


def created() -> Reseller:
    return Reseller.objects.select_related("user", "wallet").get(user__username="alnoor")


# --- it works ---------------------------------------------------------------------------------------------------------


def test_the_page_has_its_five_sections_in_order(asha: User) -> None:
    page = signed_in(asha).get(NEW).content.decode()

    places = [page.index(f'<section class="fieldset" id="{name}">') for name in
              ("account", "company", "wallet", "scope", "network")]  # fmt: skip
    assert places == sorted(places)


def test_an_admin_creates_a_reseller(asha: User) -> None:
    response = send(
        signed_in(asha),
        NEW,
        **admins_wish(email="Office@AlNoor.example", starting_balance="250.50", credit_limit="500"),
    )

    reseller = created()
    assert (response.status_code, response.url) == (303, f"/resellers/?created={reseller.pk}")
    assert reseller.user.reseller == reseller
    assert reseller.user.must_change_password
    assert reseller.user.check_password(PASSWORD)
    assert reseller.permission_group == group("SALES")
    assert (reseller.wallet.balance, reseller.wallet.credit_limit) == (Decimal("250.50"), Decimal(500))


def test_the_password_is_hashed_with_bcrypt(asha: User) -> None:
    send(signed_in(asha), NEW, **admins_wish())

    assert created().user.password.startswith("bcrypt_sha256$")


def test_the_starting_balance_is_a_transfer_from_the_platform(asha: User) -> None:
    send(signed_in(asha), NEW, **admins_wish(starting_balance="250.50"))

    transfer = Transfer.objects.get()
    assert (transfer.kind, transfer.amount, transfer.actor_name) == (TransferKind.OPENING, Decimal("250.50"), "asha")
    assert set(transfer.entries.values_list("account__kind", "direction")) == {
        ("platform", "debit"),
        ("wallet", "credit"),
    }
    connection.check_constraints()


def test_without_a_starting_balance_no_money_moves(asha: User) -> None:
    send(signed_in(asha), NEW, **admins_wish())

    assert not Transfer.objects.exists()
    assert created().wallet.balance == 0


def test_exactly_one_audit_entry_says_created_new_reseller(asha: User) -> None:
    before = AuditEntry.objects.count()

    send(signed_in(asha), NEW, **admins_wish(starting_balance="10"))

    entry = AuditEntry.objects.latest("id")
    assert AuditEntry.objects.count() == before + 1
    assert (entry.action, entry.sentence) == (Action.RESELLER_CREATED, "Created new reseller")
    assert (entry.actor_name, entry.object_name, entry.reseller_id) == ("asha", "Al-Noor Net", created().pk)
    assert entry.changes["starting_balance"] == [None, "10"]
    assert entry.request_id


def test_the_password_is_kept_encrypted_and_stands_nowhere_else(asha: User) -> None:
    client = signed_in(asha)

    response = send(client, NEW, **admins_wish())

    kept = InitialPassword.objects.get(user=created().user)
    assert PASSWORD.encode() not in bytes(kept.ciphertext)
    assert PASSWORD not in str(list(AuditEntry.objects.values()))
    assert PASSWORD not in str(dict(client.session))
    assert PASSWORD not in client.get(response.url).content.decode()


def test_after_creating_the_list_shows_the_row_and_what_to_hand_over(asha: User) -> None:
    client = signed_in(asha)

    page = body(client.get(send(client, NEW, **admins_wish()).url))

    assert "Hand over to Al-Noor Net" in page
    assert "http://testserver/" in page
    assert "Reveal" in page
    assert "Al-Noor Net is created." in page


def test_a_reseller_creates_a_sub_reseller_of_its_own(nadia: User, north: Reseller) -> None:
    response = send(signed_in(nadia), NEW, **admins_wish())

    assert response.status_code == 303
    assert created().parent == north


def test_an_admin_creates_a_sub_reseller(asha: User, north: Reseller) -> None:
    send(signed_in(asha), NEW, **admins_wish(parent=north.pk))

    assert created().parent == north


def test_upper_case_in_the_username_is_folded(asha: User) -> None:
    send(signed_in(asha), NEW, **admins_wish(username="AlNoor"))

    assert created().user.username == "alnoor"


def test_a_credit_limit_typed_with_a_minus_is_meant_without(asha: User) -> None:
    send(signed_in(asha), NEW, **admins_wish(credit_limit="-500"))

    assert created().wallet.credit_limit == 500


def test_no_group_is_everything_in_its_own_scope(asha: User) -> None:
    send(signed_in(asha), NEW, **admins_wish(permission_group=""))

    assert seat_of(created().user).rights == OWN_SCOPE_CODES


def test_without_the_force_the_first_sign_in_asks_for_no_other_password(asha: User) -> None:
    send(signed_in(asha), NEW, **admins_wish(must_change_password=None))

    assert not created().user.must_change_password


def test_allowed_addresses_are_kept_one_per_line(asha: User) -> None:
    send(signed_in(asha), NEW, **admins_wish(allowed_ips="203.0.113.7, 10.0.0.0/24\n2001:db8::/32"))

    assert created().allowed_ips == "203.0.113.7\n10.0.0.0/24\n2001:db8::/32"


# --- all of it or nothing ---------------------------------------------------------------------------------------------


def create_with_everything(asha: User, parent: Reseller) -> Reseller:
    return create_reseller(
        actor=seat_of(asha),
        **ALNOOR,
        email="office@alnoor.example",
        starting_balance=Decimal(100),
        credit_limit=Decimal(50),
        parent=parent,
        permission_group=group("SALES"),
        key=new_key("create_reseller", username="alnoor"),
        now=NOW,
    )


def test_creating_leaves_nothing_behind_wherever_it_fails(committing: None, asha: User, north: Reseller) -> None:
    seat_of(asha)
    before = counts()

    for number in count(1):
        failing = FailsAt(number)
        try:
            with connection.execute_wrapper(failing):
                create_with_everything(asha, north)
            break
        except OperationalError:
            assert counts() == before, f"statement {number} left something behind: {failing.seen[-1]}"
            assert not LoginName.objects.filter(name__in=["alnoor", "office@alnoor.example"]).exists()

    written = {table for table in TABLES if any(f'INSERT INTO "{table}"' in sql for sql in failing.seen)}
    assert written >= {"users", "resellers", "ledger_accounts", "initial_passwords"}
    assert {name: now - before[name] for name, now in counts().items()} == {
        "users": 1,
        "resellers": 1,
        "ledger_accounts": 1,
        "login_names": 2,
        "initial_passwords": 1,
        "transfers": 1,
        "entries": 2,
        "audit_entries": 1,
        "idempotency_keys": 1,
        "subscribers": 0,
        "plans": 0,
    }


# --- refused, with the field's own message ----------------------------------------------------------------------------


def refused(response: Any, field: str, before: dict[str, int]) -> str:
    """Return the message at the field, after checking that this was a refusal and wrote nothing."""
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {field}
    assert counts() == before
    return error_at(response, field)


TOO_LONG = "Use at most 150 characters for the username."
CHARACTERS = "Use only letters a to z, digits and . _ + @ - in the username, without spaces."
EMAIL_TAKEN = "This email belongs to another login. Enter a different one."
NAMES_IN_PASSWORD = "Leave the username and the company name out of the password."
NO_CHOICE = "Select a valid choice. That choice is not one of the available choices."
NO_ADDRESS = "“{}” is no IP address and no CIDR block, as in 203.0.113.7 or 10.0.0.0/24."
EXAMPLE = "Enter digits with a point for decimals, for example 25.00."
REFUSALS = {
    "username taken": ("username", "nadia", "The username “nadia” is taken. Choose another one."),
    "username taken, in capitals": ("username", "NADIA", "The username “nadia” is taken. Choose another one."),
    "username with a space": ("username", "al noor", CHARACTERS),
    "username in other letters": ("username", "النور", CHARACTERS),
    "company name with a null byte": ("company_name", "Al\0Noor", "Null characters are not allowed."),
    "username of 300 characters": ("username", "a" * 300, TOO_LONG),
    "username missing": ("username", "", "This field is required."),
    "username like an email": ("username", "some@body.example", "A username with @ must be the login's own email."),
    "email taken, in other case": ("email", "NADIA@North.Example", EMAIL_TAKEN),
    "email that is none": ("email", "no email", "Enter a valid email address."),
    "password short": ("password", "short", "Use at least 12 characters."),
    "password common": ("password", "password1234", "This password is too common. Put several words together."),
    "password with the username": ("password", "my-alnoor-pass", NAMES_IN_PASSWORD),
    "password with the company": ("password", "xx Al Noor NET 1", NAMES_IN_PASSWORD),
    "password of 129": ("password", "x7" * 64 + "y", "Use at most 128 characters."),
    "password missing": ("password", "", "This field is required."),
    "company name missing": ("company_name", "", "This field is required."),
    "company name of blanks": ("company_name", "   ", "This field is required."),
    "starting balance below zero": ("starting_balance", "-5", "Enter an amount above zero, without a minus sign."),
    "starting balance too fine": ("starting_balance", "0.001", "USD has 2 decimals; enter no more than that."),
    "starting balance with an exponent": ("starting_balance", "1e3", EXAMPLE),
    "starting balance NaN": ("starting_balance", "NaN", EXAMPLE),
    "starting balance infinite": ("starting_balance", "Infinity", EXAMPLE),
    "starting balance in Arabic digits": ("starting_balance", "١٢٣", EXAMPLE),
    "starting balance with a comma": ("starting_balance", "1,000", EXAMPLE),
    "starting balance of 10^20": ("starting_balance", "1" + "0" * 20, "The highest amount is 999,999,999,999.00."),
    "credit limit in letters": ("credit_limit", "abc", EXAMPLE),
    "credit limit twice negative": ("credit_limit", "--500", "Enter an amount above zero, without a minus sign."),
    "credit limit NaN": ("credit_limit", "-NaN", EXAMPLE),
    "addresses with a wrong prefix": ("allowed_ips", "203.0.113.7, 10.0.0.0/33", NO_ADDRESS.format("10.0.0.0/33")),
    "addresses with a name": ("allowed_ips", "example.com", NO_ADDRESS.format("example.com")),
    "WAN check unknown": ("wan_check", "maybe", "Select a valid choice. maybe is not one of the available choices."),
    "parent that is no number": ("parent", "north", NO_CHOICE),
    "parent beyond every number": ("parent", "9" * 30, NO_CHOICE),
}  # fmt: skip


@pytest.mark.parametrize(("field", "typed", "message"), REFUSALS.values(), ids=REFUSALS)
def test_creating_is_refused_at_the_field(asha: User, north: Reseller, field: str, typed: str, message: str) -> None:
    User.objects.filter(pk=north.user_id).update(email="nadia@north.example")
    client = signed_in(asha)
    before = counts()

    response = send(client, NEW, **admins_wish(**{field: typed}))

    assert refused(response, field, before) == message


def test_the_username_of_a_login_that_is_called_otherwise_now_stays_taken(asha: User, nadia: User) -> None:
    nadia.username = "nadia.north"
    nadia.save(update_fields=["username"])
    client = signed_in(asha)
    before = counts()

    response = send(client, NEW, **admins_wish(username="nadia"))

    assert refused(response, "username", before) == "The username “nadia” is taken. Choose another one."


def test_the_email_that_a_login_had_before_stays_taken(asha: User, nadia: User) -> None:
    for email in ("old@north.example", "new@north.example"):
        nadia.email = email
        nadia.save(update_fields=["email"])
    client = signed_in(asha)
    before = counts()

    response = send(client, NEW, **admins_wish(email="Old@North.example"))

    assert refused(response, "email", before) == EMAIL_TAKEN


def test_a_username_that_is_another_ones_email_is_taken(asha: User, nadia: User) -> None:
    User.objects.filter(pk=nadia.pk).update(email="nadia@north.example")
    client = signed_in(asha)
    before = counts()

    response = send(client, NEW, **admins_wish(username="nadia@north.example", email="nadia@north.example"))

    assert refused(response, "username", before) == "The username “nadia@north.example” is taken. Choose another one."


def test_a_sub_reseller_is_no_parent(asha: User, northeast: Reseller) -> None:
    client = signed_in(asha)
    assert northeast not in client.get(NEW).context["form"].fields["parent"].queryset
    before = counts()

    response = send(client, NEW, **admins_wish(parent=northeast.pk))

    assert refused(response, "parent", before)


def test_a_refused_form_keeps_what_was_typed(asha: User) -> None:
    response = send(signed_in(asha), NEW, **admins_wish(credit_limit="abc", phone="+963 11 123"))

    page = response.content.decode()
    assert 'value="+963 11 123"' in page
    assert 'value="abc"' in page


def test_the_form_is_never_stored_by_a_cache(asha: User) -> None:
    assert signed_in(asha).get(NEW)["Cache-Control"] == "no-store"


# --- what a reseller may not ------------------------------------------------------------------------------------------


def test_a_reseller_does_not_see_what_is_the_admins(nadia: User) -> None:
    form = signed_in(nadia).get(NEW).context["form"]

    admins = {"starting_balance", "credit_limit", "parent", "allowed_ips", "wan_check", "identity_verified_at"}
    assert not admins & set(form.fields)


def test_what_is_the_admins_is_ignored_from_a_reseller(nadia: User, north: Reseller, south: Reseller) -> None:
    forged = {
        "parent": south.pk,
        "starting_balance": "1000",
        "credit_limit": "1000",
        "allowed_ips": "10.0.0.1",
        "wan_check": "on",
        "agreement_reference": "forged",
    }

    response = send(signed_in(nadia), NEW, **admins_wish(), **forged)

    sub = created()
    assert response.status_code == 303
    assert sub.parent == north
    assert (sub.wallet.balance, sub.wallet.credit_limit) == (0, 0)
    assert (sub.allowed_ips, sub.wan_check, sub.agreement_reference) == ("", "inherit", "")
    assert not Transfer.objects.exists()


def test_the_operation_ignores_them_too(nadia: User, north: Reseller, south: Reseller) -> None:
    sub = create_reseller(
        actor=seat_of(nadia),
        **ALNOOR,
        parent=south,
        starting_balance=Decimal(1000),
        credit_limit=Decimal(1000),
        allowed_ips="10.0.0.1",
        permission_group=group("SALES"),
        now=NOW,
    )

    assert (sub.parent, sub.wallet.balance, sub.wallet.credit_limit, sub.allowed_ips) == (north, 0, 0, "")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_sub_reseller_is_told_that_the_depth_is_reached(noora: User, method: str) -> None:
    client = signed_in(noora)
    before = counts()

    response = getattr(client, method)(NEW, admins_wish())

    assert response.status_code == 403
    assert "max depth reached" in body(response)
    assert counts() == before | {"audit_entries": before["audit_entries"] + 1}
    assert AuditEntry.objects.latest("id").action == Action.REFUSED


def test_an_admin_in_the_seat_of_a_sub_reseller_is_told_so_too(asha: User, northeast: Reseller) -> None:
    client = signed_in(asha)
    send(client, f"/resellers/{northeast.pk}/seats/", reason="a look")

    assert "max depth reached" in body(client.get(NEW))


def test_a_group_with_a_view_all_is_out_of_a_resellers_reach(nadia: User) -> None:
    client = signed_in(nadia)
    assert group("PARTNER") not in client.get(NEW).context["form"].fields["permission_group"].queryset
    before = counts()

    response = send(client, NEW, **admins_wish(permission_group=group("PARTNER").pk))

    assert refused(response, "permission_group", before)


def test_a_group_with_more_than_the_reseller_may_is_out_of_its_reach(asha: User) -> None:
    narrow = PermissionGroup.objects.create(name="Narrow", codes=["resellers.view", "resellers.create"])
    west = make_reseller(asha, "wael", "West Net", permission_group=narrow)
    client = signed_in(west.user)
    before = counts()

    response = send(client, NEW, **admins_wish())

    assert refused(response, "permission_group", before)


def test_a_reseller_has_to_choose_a_group(nadia: User) -> None:
    client = signed_in(nadia)
    before = counts()

    response = send(client, NEW, **admins_wish(permission_group=""))

    assert refused(response, "permission_group", before) == "This field is required."


@pytest.mark.parametrize("name", ["PARTNER", None])
def test_the_operation_refuses_such_groups_too(nadia: User, name: str | None) -> None:
    before = counts()

    with pytest.raises(GroupOutOfReach):
        create_reseller(actor=seat_of(nadia), **ALNOOR, permission_group=group(name) if name else None, now=NOW)

    assert counts() == before


def test_a_staff_login_gives_no_more_than_it_has_itself(asha: User, north: Reseller) -> None:
    clerks = PermissionGroup.objects.create(name="Clerks", codes=["resellers.view", "resellers.create"])
    clerk = make_staff(asha, north, "clerk", clerks)

    response = send(signed_in(clerk), NEW, **admins_wish())

    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"permission_group"}


# --- the database has the last word -----------------------------------------------------------------------------------


def test_the_database_refuses_a_parent_that_is_a_sub(south: Reseller, northeast: Reseller) -> None:
    with pytest.raises(IntegrityError, match="parent_is_top_level"), transaction.atomic():
        Reseller.objects.filter(pk=south.pk).update(parent=northeast)


def test_the_database_refuses_a_parent_to_a_reseller_with_subs(
    south: Reseller, north: Reseller, northeast: Reseller
) -> None:
    with pytest.raises(IntegrityError, match="parent_is_top_level"), transaction.atomic():
        Reseller.objects.filter(pk=north.pk).update(parent=south)


def test_the_database_refuses_a_reseller_under_itself(north: Reseller) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Reseller.objects.filter(pk=north.pk).update(parent=F("id"))


# --- the same form twice ----------------------------------------------------------------------------------------------


def test_the_same_form_twice_makes_one_reseller_and_leads_to_the_same_place(asha: User) -> None:
    client = signed_in(asha)
    contents = filled(client.get(NEW), **admins_wish(starting_balance="100"))

    first, second = client.post(NEW, contents), client.post(NEW, contents)

    assert (second.status_code, second.url) == (first.status_code, first.url)
    assert created().wallet.balance == 100
    assert Entry.objects.count() == 2
    assert LedgerAccount.objects.wallets().count() == 1
    assert AuditEntry.objects.filter(action=Action.RESELLER_CREATED).count() == 1


def test_other_contents_under_the_key_are_refused(asha: User) -> None:
    client = signed_in(asha)
    contents = filled(client.get(NEW), **admins_wish())
    client.post(NEW, contents)
    before = counts()

    response = client.post(NEW, contents | {"username": "another"})

    assert response.status_code == 422
    assert "This form was already used. Open it again to make another change." in body(response)
    assert counts() == before


def test_another_parent_of_the_same_name_is_other_contents(asha: User) -> None:
    twins = [make_reseller(asha, name, "Twin Net") for name in ("twin.one", "twin.two")]
    client = signed_in(asha)
    contents = filled(client.get(NEW), **admins_wish(parent=twins[0].pk))
    client.post(NEW, contents)

    response = client.post(NEW, contents | {"parent": twins[1].pk})

    assert "This form was already used." in body(response)


def test_a_refusal_does_not_use_the_form_up(asha: User) -> None:
    client = signed_in(asha)
    contents = filled(client.get(NEW), **admins_wish(username="asha"))
    assert client.post(NEW, contents).status_code == 422

    assert client.post(NEW, contents | {"username": "alnoor"}).status_code == 303


def test_a_repeated_form_gets_no_answer_once_its_sender_creates_no_resellers(asha: User) -> None:
    former, key = make_admin("amir"), new_key("create_reseller", username="alnoor")
    make_reseller(former, "alnoor", "Al-Noor Net", key=key)
    User.objects.filter(pk=former.pk).update(user_type=UserType.SUPPORT)

    with pytest.raises(Forbidden):
        make_reseller(former, "alnoor", "Al-Noor Net", key=key)


def test_a_form_without_its_key_is_refused(asha: User) -> None:
    before = counts()

    response = send(signed_in(asha), NEW, **admins_wish(), idempotency_key="")

    assert response.status_code == 422
    assert "Open this form again." in body(response)
    assert counts() == before
