"""API tokens: what a request with one of them is, and when it is refused."""

import logging
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings as SettingsWrapper

from accounts import operations
from accounts.allow_list import AddressRefused
from accounts.bearer import bearer_of, new_secret, secret_in
from accounts.models import ApiToken, TokenScope, User, UserType
from accounts.operations import InvalidToken, NewToken, authenticate, within_rate
from accounts.permissions import ALL_CODES
from accounts.seats import TokenSeat
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.models import PanelSettings
from resellers import operations as resellers
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.cast import NOW, PASSWORD, group, make_admin, seat_of

HOME, ELSEWHERE = "203.0.113.9", "198.51.100.7"
SENTENCE = "Send a valid API token, as in “Authorization: Bearer isp_…”."


def make_token(owner: User, **details: Any) -> NewToken:
    """Make a token for a login; `details` as `create_own_token` takes them."""
    wanted = {"name": "Shop", "days": 90, "own_password": PASSWORD, "now": NOW} | details
    return operations.create_own_token(actor=seat_of(owner), **wanted)


def use(bearer: str, *, at: datetime = NOW, address: str | None = HOME) -> TokenSeat:
    """Send a request with the token."""
    return authenticate(bearer=bearer, address=address, user_agent="shop/1.0", request_id="abc", now=at)


def refused(bearer: str, **how: Any) -> None:
    """Check that the request is refused, with the sentence that every stranger gets."""
    with pytest.raises(InvalidToken) as refusal:
        use(bearer, **how)
    assert str(refusal.value) == SENTENCE


def refusals() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=Action.REFUSED).order_by("id"))


# `create_own_token` confirms the own password in a transaction of its own, which is none inside of a test's.
@pytest.fixture(autouse=True)
def _committing(committing: None) -> None:
    """Let all of these commit."""


@pytest.fixture
def of_asha(asha: User) -> NewToken:
    return make_token(asha)


@pytest.fixture
def of_nadia(nadia: User) -> NewToken:
    return make_token(nadia)


# --- what the seat is -------------------------------------------------------------------------------------------------


def test_an_admins_token_is_an_admins_seat(asha: User, of_asha: NewToken) -> None:
    seat = use(of_asha.bearer)

    assert seat.is_api
    assert (seat.scope, seat.login, seat.user, seat.token) == ("admin", asha, asha, of_asha.token)
    assert seat.is_admin
    assert seat.rights == ALL_CODES
    assert not seat.is_borrowed


def test_a_resellers_token_reads_its_own_scope_and_changes_nothing(
    of_nadia: NewToken, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    seat = use(of_nadia.bearer)

    assert not seat.is_admin
    assert {code for code in seat.rights if not code.endswith(".view")} == set()
    assert seat.has("resellers.view")
    assert set(Reseller.objects.visible_to(seat)) == {north, northeast}


def test_a_view_all_of_its_owner_opens_nothing_to_a_resellers_token(
    noor: User, partner: Reseller, south: Reseller
) -> None:
    seat = use(make_token(noor).bearer)

    assert not seat.sees_all("resellers")
    assert set(Reseller.objects.visible_to(seat)) == {partner}
    assert not Subscriber.objects.visible_to(seat).exists()


def test_a_change_of_the_owners_group_acts_on_the_very_next_request(of_nadia: NewToken, north: Reseller) -> None:
    assert use(of_nadia.bearer).has("resellers.view")

    north.permission_group = group("SUPPORT")
    north.save(update_fields=["permission_group"])

    assert not use(of_nadia.bearer).has("resellers.view")


def test_the_trail_says_which_token_acted(asha: User, of_asha: NewToken, north: Reseller) -> None:
    resellers.suspend_reseller(actor=use(of_asha.bearer), reseller_id=north.pk, reason="unpaid", now=NOW)

    entry = AuditEntry.objects.get(action=Action.RESELLER_SUSPENDED)
    assert (entry.actor_id, entry.actor_name, entry.actor_type) == (asha.pk, "asha", "Admin")
    assert entry.detail == f"API token Shop ({of_asha.token.prefix}…) · unpaid"
    assert (entry.address, entry.user_agent, entry.request_id) == (HOME, "shop/1.0", "abc")


def test_a_request_costs_one_query_where_its_use_is_noted_already(
    of_nadia: NewToken, northeast: Reseller, django_assert_num_queries: Callable[..., Any]
) -> None:
    use(of_nadia.bearer)

    with CaptureQueriesContext(connection) as queries:
        seat = use(of_nadia.bearer)
        assert seat.rights

    asked = [query["sql"] for query in queries.captured_queries if "panel_settings" not in query["sql"]]
    assert len(asked) == 1


# --- what is no token -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bearer", ["", "isp_", "nonsense", "Bearer", "isp_" + "a" * 49, "isp_" + "é" * 49, "\x00"])
def test_what_is_no_token_is_refused_without_a_query(
    bearer: str, django_assert_num_queries: Callable[..., Any]
) -> None:
    with django_assert_num_queries(0):
        refused(bearer)


def test_a_token_that_lost_or_changed_one_character_is_refused_without_a_query(
    of_asha: NewToken, django_assert_num_queries: Callable[..., Any]
) -> None:
    whole = of_asha.bearer
    with django_assert_num_queries(0):
        for position in range(len(whole)):
            other = "0" if whole[position] != "0" else "1"
            refused(whole[:position] + other + whole[position + 1 :])
            refused(whole[:position] + whole[position + 1 :])


def test_a_token_that_nobody_made_is_refused(of_asha: NewToken) -> None:
    refused(bearer_of(new_secret()))


def test_tokens_look_as_scanners_for_secrets_expect(of_asha: NewToken, of_nadia: NewToken) -> None:
    for made in (of_asha, of_nadia):
        assert re.fullmatch(r"isp_[0-9A-Za-z]{49}", made.bearer)
        assert made.bearer.startswith(made.token.prefix)
        assert secret_in(f" {made.bearer} ") is not None
    assert of_asha.bearer != of_nadia.bearer


def test_a_secret_has_256_random_bits() -> None:
    secrets_made = {new_secret() for _ in range(200)}

    assert len(secrets_made) == 200
    assert 62**43 > 2**256
    assert set("".join(secrets_made)) == set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


# --- when a token counts no more --------------------------------------------------------------------------------------


def test_a_token_ends_at_the_moment_it_says(of_asha: NewToken) -> None:
    end = NOW + timedelta(days=90)

    assert use(of_asha.bearer, at=end - timedelta(microseconds=1))
    refused(of_asha.bearer, at=end)


def test_a_revoked_token_is_refused_on_its_next_request(asha: User, of_asha: NewToken) -> None:
    use(of_asha.bearer)

    operations.revoke_token(actor=seat_of(asha), token_id=of_asha.token.pk, now=NOW)

    refused(of_asha.bearer)


def test_strangers_leave_a_line_in_the_log_and_none_in_the_trail(
    asha: User, of_asha: NewToken, caplog: pytest.LogCaptureFixture
) -> None:
    operations.revoke_token(actor=seat_of(asha), token_id=of_asha.token.pk, now=NOW)
    before = AuditEntry.objects.count()

    for bearer in ("", "nonsense", bearer_of(new_secret()), of_asha.bearer):
        refused(bearer)

    assert [record.getMessage().partition("refused: ")[2] for record in caplog.records] == [
        "no token",
        "malformed token",
        "unknown token",
        f"token {of_asha.token.pk} of asha is revoked",
    ]
    assert AuditEntry.objects.count() == before


# --- when its owner is shut out ---------------------------------------------------------------------------------------


def suspend(asha: User, reseller: Reseller) -> None:
    resellers.suspend_reseller(actor=seat_of(asha), reseller_id=reseller.pk, reason="unpaid", now=NOW)


def test_suspending_and_resuming_its_owner_acts_at_once(asha: User, of_nadia: NewToken, north: Reseller) -> None:
    suspend(asha, north)

    refused(of_nadia.bearer)
    [entry] = refusals()
    assert (entry.actor_name, entry.reseller_id, entry.grade) == ("nadia", north.pk, "security")
    assert entry.detail == (
        f"API token {of_nadia.token} · Using the API: The login’s reseller is suspended, or its parent is."
    )

    resellers.resume_reseller(actor=seat_of(asha), reseller_id=north.pk, now=NOW)
    assert use(of_nadia.bearer)


def test_suspending_a_parent_shuts_its_subs_token_out(asha: User, noora: User, north: Reseller) -> None:
    made = make_token(noora)

    suspend(asha, north)

    refused(made.bearer)


def test_deleting_a_reseller_shuts_its_token_out(asha: User, sami: User, south: Reseller) -> None:
    made = make_token(sami)

    resellers.delete_reseller(actor=seat_of(asha), reseller_id=south.pk, now=NOW)

    refused(made.bearer)
    assert refusals()[-1].detail.endswith("The login is removed, or its reseller is deleted.")


def test_deleting_a_reseller_for_good_removes_its_tokens(asha: User, sami: User, south: Reseller) -> None:
    made = make_token(sami)
    resellers.delete_reseller(actor=seat_of(asha), reseller_id=south.pk, now=NOW)

    resellers.purge_reseller(
        actor=seat_of(asha), reseller_id=south.pk, typed_username="sami", own_password=PASSWORD, now=NOW
    )

    assert not ApiToken.objects.exists()
    refused(made.bearer)


def test_removing_an_admin_shuts_their_token_out(asha: User) -> None:
    amal = make_admin("amal")
    made = make_token(amal)

    operations.remove_person(actor=seat_of(asha), user_id=amal.pk, own_password=PASSWORD, now=NOW)

    refused(made.bearer)
    assert refusals()[-1].actor_name == "amal"


def test_an_admin_who_is_one_no_more_has_no_admins_token(asha: User) -> None:
    amal = make_admin("amal")
    made = make_token(amal)
    assert use(made.bearer).is_admin

    User.objects.filter(pk=amal.pk).update(user_type=UserType.SUPPORT)

    refused(made.bearer)
    assert refusals()[-1].actor_name == "amal"


def test_a_resellers_login_that_became_an_admin_has_no_resellers_token(asha: User) -> None:
    amal = make_admin("amal")
    made = make_token(amal)
    with transaction.atomic():
        ApiToken.objects.filter(pk=made.token.pk).delete()
        ApiToken.objects.create(
            owner=amal,
            name="Shop",
            scope=TokenScope.RESELLER,
            digest=bytes(made.token.digest),
            prefix=made.token.prefix,
            created_at=NOW,
            expires_at=NOW + timedelta(days=1),
        )

    refused(made.bearer)


def test_a_login_that_has_to_choose_a_password_uses_no_token_before(asha: User, of_nadia: NewToken) -> None:
    nadia = of_nadia.token.owner
    operations.set_password_of(
        actor=seat_of(asha), user_id=nadia.pk, password="a-garden-in-october", own_password=PASSWORD, now=NOW
    )
    refused(of_nadia.bearer)

    operations.change_own_password(
        actor=seat_of(nadia), old_password="a-garden-in-october", new_password="another-garden-in-may", now=NOW
    )

    assert use(of_nadia.bearer)


def test_a_login_that_needs_a_second_step_uses_no_token_before(of_nadia: NewToken) -> None:
    PanelSettings.objects.update(two_step_for=[UserType.RESELLER.value])

    refused(of_nadia.bearer)

    assert refusals()[-1].detail.endswith("The login has to set up two-step sign-in first.")


def test_a_password_of_ones_own_choice_leaves_the_tokens_in_force(nadia: User, of_nadia: NewToken) -> None:
    operations.change_own_password(
        actor=seat_of(nadia), old_password=PASSWORD, new_password="a-garden-in-october", now=NOW
    )

    assert use(of_nadia.bearer)


def test_a_refusal_is_recorded_once_a_minute(
    asha: User, of_nadia: NewToken, north: Reseller, caplog: pytest.LogCaptureFixture
) -> None:
    suspend(asha, north)

    for seconds in (0, 1, 30, 59, 60, 61):
        refused(of_nadia.bearer, at=NOW + timedelta(seconds=seconds))

    assert [entry.at - NOW for entry in refusals()] == [timedelta(0), timedelta(seconds=60)]
    assert len([record for record in caplog.records if record.name == "accounts.operations.tokens"]) == 6


# --- from where -------------------------------------------------------------------------------------------------------


def test_a_tokens_own_list_counts_on_every_request(asha: User) -> None:
    made = make_token(asha, allowed_ips="203.0.113.0/24, 2001:db8::/32")
    assert made.token.allowed_ips == "203.0.113.0/24\n2001:db8::/32"

    assert use(made.bearer, address="::ffff:203.0.113.4")
    for address in (ELSEWHERE, "", None):
        with pytest.raises(AddressRefused, match="Access denied from this IP address"):
            use(made.bearer, address=address)

    [entry] = refusals()
    assert entry.address == ELSEWHERE
    assert entry.detail == f"API token {made.token} · Using the API: Access denied from this IP address."


@pytest.mark.parametrize("whose", ["north", "northeast"])
def test_the_lists_of_the_reseller_and_of_its_parent_count_too(
    whose: str, noora: User, north: Reseller, northeast: Reseller
) -> None:
    made = make_token(noora, allowed_ips=f"{HOME} {ELSEWHERE}")
    assert use(made.bearer, address=HOME)

    Reseller.objects.filter(company_name=f"{whose.capitalize()} Net").update(allowed_ips=ELSEWHERE)

    with pytest.raises(AddressRefused):
        use(made.bearer, address=HOME)
    assert use(made.bearer, address=ELSEWHERE)


def test_nobody_learns_of_a_list_without_a_token_that_counts(asha: User) -> None:
    made = make_token(asha, allowed_ips=HOME)
    operations.revoke_token(actor=seat_of(asha), token_id=made.token.pk, now=NOW)

    refused(made.bearer, address=ELSEWHERE)


# --- last used, and how often -----------------------------------------------------------------------------------------


def test_when_and_from_where_it_was_used_is_noted_once_a_minute(
    of_asha: NewToken, django_assert_num_queries: Callable[..., Any]
) -> None:
    def noted() -> tuple[Any, ...]:
        return ApiToken.objects.values_list("last_used_at", "last_used_from").get(pk=of_asha.token.pk)

    assert noted() == (None, None)

    use(of_asha.bearer)
    use(of_asha.bearer, at=NOW + timedelta(seconds=59), address=ELSEWHERE)
    assert noted() == (NOW, HOME)

    use(of_asha.bearer, at=NOW + timedelta(seconds=60), address=ELSEWHERE)
    assert noted() == (NOW + timedelta(seconds=60), ELSEWHERE)


def test_a_refused_request_is_no_use(asha: User) -> None:
    made = make_token(asha, allowed_ips=HOME)

    with pytest.raises(AddressRefused):
        use(made.bearer, address=ELSEWHERE)

    assert ApiToken.objects.get(pk=made.token.pk).last_used_at is None


def test_a_token_makes_so_many_requests_in_a_minute(
    of_asha: NewToken, of_nadia: NewToken, settings: SettingsWrapper
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3

    assert [within_rate(of_asha.token) for _ in range(3)] == [None, None, None]
    wait = within_rate(of_asha.token)

    assert wait is not None
    assert 0 < wait <= 60
    assert within_rate(of_nadia.token) is None


def test_a_request_beyond_the_limit_writes_nothing(
    of_asha: NewToken, settings: SettingsWrapper, django_assert_num_queries: Callable[..., Any]
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    within_rate(of_asha.token)

    with CaptureQueriesContext(connection) as queries:
        assert within_rate(of_asha.token)

    assert [query["sql"].split()[0] for query in queries.captured_queries] == ["SELECT"]


# --- nothing that is kept can be sent ---------------------------------------------------------------------------------


def test_the_secret_is_nowhere_in_the_database_or_the_log(asha: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = make_token(asha)
    use(made.bearer)
    operations.revoke_token(actor=seat_of(asha), token_id=made.token.pk, now=NOW)
    refused(made.bearer)
    canary = made.bearer[len(made.token.prefix) :][:12]

    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" AS kept WHERE kept::text LIKE %s', [f"%{canary}%"])
            assert cursor.fetchone() == (0,), table
    assert canary not in caplog.text
    assert canary not in repr(made)
    assert canary not in repr(use(make_token(asha, name=secrets.token_hex(4)).bearer))


def test_the_serving_role_cannot_make_a_token_something_else(of_nadia: NewToken) -> None:
    tokens = ApiToken.objects.filter(pk=of_nadia.token.pk)

    for change in (
        {"scope": TokenScope.ADMIN},
        {"owner": of_nadia.token.owner},
        {"digest": b"x"},
        {"expires_at": NOW + timedelta(days=300)},
        {"allowed_ips": ""},
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            tokens.update(**change)
