"""Every page in a real browser: accessible, in light and dark, silent under the CSP, and narrow enough."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from audit.sealing import seal
from ispanel.operations import change_general_settings
from plans.models import Plan
from resellers import operations as resellers
from resellers.models import Reseller
from subscribers import operations as subscribers
from tests.browser.looks import axe, no_sideways_scroll, sign_in_as
from tests.cast import group, make_reseller, make_staff, make_support, seat_of
from tests.pictures import a_logo
from wallet.models import LedgerCheck, Transfer, TransferKind

#: Addresses of the pages; {north} and {line} are the ids of a reseller and a subscriber.
PAGES = (
    "/",
    "/resellers/",
    "/resellers/?created={fresh}",
    "/resellers/?q=nobody",
    "/resellers/new",
    "/resellers/{north}/",
    "/resellers/{north}/edit/",
    "/resellers/{north}/transactions/",
    "/resellers/{north}/transactions/?counterparty=platform&amount=x",
    "/transfers/",
    "/transfers/?tab=charged&q=nobody",
    "/transfers/{moved}/",
    "/transfers/{charged}/",
    "/wallets/{wallet}/statement/?start=2020-01-01&end=2099-12-31",
    "/wallets/{wallet}/statement/?start=2026-05-02&end=2026-05-01",
    "/wallets/{wallet}/statement/?start=2020-01-01&end=2020-01-01",
    "/resellers/{north}/subscribers/",
    "/resellers/{north}/subs/",
    "/resellers/{north}/audit/",
    "/resellers/{north}/transfers/",
    "/resellers/{north}/withdrawals/",
    "/resellers/{north}/seats/",
    "/resellers/{north}/initial-password/",
    "/resellers/{north}/suspension/",
    "/resellers/{north}/resumption/",
    "/resellers/{north}/deletion/",
    "/resellers/{north}/address-test/?address=203.0.113.7",
    "/resellers/{north}/low-balance-threshold/",
    "/transfers/{funding}/reversal/",
    "/transfers/{spent}/reversal/",
    "/transfers/{charge}/refund/",
    "/top-up-requests/",
    "/top-up-requests/?view=all",
    "/top-up-requests/?view=parents",
    "/top-up-requests/{asked}/approval/",
    "/top-up-requests/{asked}/refusal/",
    "/top-up-requests/{answered}/refusal/",
    "/exposure/",
    "/exposure/?view=with_limit",
    "/exposure/?q=nobody",
    "/resellers/{over}/",
    "/resellers/?view=over",
    "/resellers/{suspended}/",
    "/resellers/{deleted}/",
    "/resellers/{deleted}/restoration/",
    "/resellers/{deleted}/purge/",
    "/resellers/?view=suspended",
    "/resellers/?view=deleted",
    "/resellers/{north}/staff/",
    "/resellers/{north}/username/",
    "/resellers/{north}/password/",
    "/resellers/{north}/two-step-reset/",
    "/staff/",
    "/staff/?created={clerk}",
    "/staff/?q=nobody",
    "/staff/new",
    "/staff/{clerk}/edit/",
    "/staff/{clerk}/password/",
    "/staff/{clerk}/initial-password/",
    "/staff/{clerk}/removal/",
    "/staff/{clerk}/restoration/",
    "/users/",
    "/users/?q=nobody",
    "/users/new",
    "/users/{petra}/",
    "/users/{petra}/edit/",
    "/users/{petra}/username/",
    "/users/{petra}/contact/",
    "/users/{petra}/password/",
    "/users/{petra}/two-step-reset/",
    "/users/{petra}/removal/",
    "/users/{petra}/restoration/",
    "/subscribers/",
    "/subscribers/?status=expired",
    "/subscribers/new",
    "/subscribers/{line}/",
    "/subscribers/{line}/edit/",
    "/subscribers/{line}/renewals/",
    "/renewals/",
    "/plans/",
    "/plans/new",
    "/plans/{plan}/edit/",
    "/audit/",
    "/audit/?address=203.0.113.0/24&object_id=x",
    "/audit/{row}/",
    "/settings/",
    "/settings/permissions/",
    "/settings/permissions/new",
    "/settings/permissions/{group}/",
    "/settings/permissions/{group}/edit/",
    "/settings/permissions/{group}/deletion/",
    "/settings/permissions/logins/",
    "/settings/permissions/logins/?q=nobody-at-all",
    "/settings/permissions/logins/{login}/",
    "/account/",
    "/account/password/",
    "/account/username/",
    "/account/contact/",
    "/account/two-step/",
    "/settings/security/",
    "/settings/system/",
    "/account/sign-ins/",
    "/nothing-here/",
)
#: What a reseller reads of its own money.
OF_WALLET = ("/resellers/{north}/transactions/", "/transfers/", "/transfers/{charged}/", "/wallets/{wallet}/statement/")
DIALOGS = (
    ("/resellers/{north}/", "Transfer"),
    ("/resellers/{north}/", "Withdraw"),
    ("/resellers/{north}/", "Login as reseller"),
    ("/resellers/{fresh}/", "Reveal"),
    ("/resellers/{deleted}/", "Restore"),
    ("/resellers/{deleted}/", "Permanent delete"),
    ("/subscribers/{line}/", "Renew"),
    ("/subscribers/{line}/", "Refund"),
    ("/top-up-requests/", "Approve"),
    ("/top-up-requests/", "Refuse"),
    ("/account/", "Change username"),
    ("/account/", "Change email or phone"),
    ("/settings/permissions/{group}/", "Delete"),
)


def ask_for(reseller: Reseller, amount: str, note: str, now: datetime) -> int:
    """Let the reseller ask for money, and return the id of its request."""
    asked = resellers.ask_for_top_up(actor=seat_of(reseller.user), amount=Decimal(amount), note=note, now=now)
    return asked.pk


@pytest.fixture
def ids(asha: User, north: Reseller, northeast: Reseller, home: Plan) -> dict[str, int]:
    """Fill the panel with a little of everything, and return the ids that addresses need."""
    admin, now = seat_of(asha), timezone.now()
    funding = resellers.transfer_to_reseller(
        actor=admin, reseller_id=north.pk, amount=Decimal(1000), note="Monthly settlement May 2026", now=now
    )
    fresh = make_reseller(
        asha, "fresh", "A Company With Quite A Long Name For A Narrow Telephone", credit_limit=Decimal(500), now=now
    )
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"), full_name="Clara Clerk", now=now)
    line = subscribers.add_subscriber(
        actor=admin, reseller=north, plan=home, username="line-001", password="line-password", now=now
    )
    subscribers.add_subscriber(
        actor=admin,
        reseller=north,
        plan=home,
        username="line-002",
        password="line-password",
        full_name="Elif Aydın",
        now=now - timedelta(days=40),
    )
    people = {"clerk": clerk.pk, "petra": make_support(asha).pk}
    suspended = make_reseller(asha, "suspended", "Harbour Wireless", now=now)
    resellers.suspend_reseller(
        actor=admin, reseller_id=suspended.pk, reason="The agreement ran out", stops_renewals=True, now=now
    )
    deleted = make_reseller(asha, "deleted", "Old Town Link", now=now)
    resellers.delete_reseller(actor=admin, reseller_id=deleted.pk, now=now)
    seal(now)
    LedgerCheck.objects.create(
        started_at=now,
        finished_at=now,
        transfers=2,
        entries=4,
        wallets=5,
        wrong=2,
        findings=["Transfer 2 of 25.00: debits 25.00, credits 24.00."],
    )
    change_general_settings(actor=admin, company_name="Al-Noor ISP", logo=a_logo(), now=now)
    over = make_reseller(asha, "over", "Riverside Broadband", credit_limit=Decimal(500), now=now)
    spent = resellers.transfer_to_reseller(actor=admin, reseller_id=over.pk, amount=Decimal(30), note="", now=now)
    for number in range(2):
        subscribers.add_subscriber(
            actor=admin, reseller=over, plan=home, username=f"owing-{number}", password="line-password", now=now
        )
    resellers.edit_reseller(actor=admin, reseller_id=over.pk, credit_limit=Decimal(10), now=now)
    taken_back = subscribers.add_subscriber(
        actor=admin, reseller=north, plan=home, username="line-003", password="line-password", now=now
    ).renewals.get()
    subscribers.refund_charge(actor=admin, renewal_id=taken_back.pk, reason="Never installed", now=now)
    answered = ask_for(north, "75", "Cash at the desk", now)
    resellers.refuse_top_up(actor=admin, request_id=answered, reason="Nothing came in by the 20th", now=now)
    asked = ask_for(north, "250", "Bank transfer of 14 May, reference 4711", now)
    row = AuditEntry.objects.filter(action=Action.RESELLER_CREATED).latest("pk").pk
    return people | {
        "north": north.pk,
        "fresh": fresh.pk,
        "suspended": suspended.pk,
        "deleted": deleted.pk,
        "line": line.pk,
        "plan": home.pk,
        "row": row,
        "funding": funding.pk,
        "spent": spent.pk,
        "over": over.pk,
        "charge": line.renewals.get().transfer_id,
        "answered": answered,
        "asked": asked,
        "group": group("SALES").pk,
        "login": north.user_id,
        "wallet": north.wallet_id,
        "moved": Transfer.objects.filter(kind=TransferKind.TRANSFER).latest("pk").pk,
        "charged": Transfer.objects.filter(kind=TransferKind.ACTIVATION).latest("pk").pk,
    }


def test_every_page_is_accessible_in_light_and_dark(themed_page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(themed_page, asha)

    for path in PAGES:
        themed_page.goto(path.format(**ids))
        axe(themed_page)


def test_every_dialog_is_accessible_in_light_and_dark(themed_page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(themed_page, asha)

    for path, link in DIALOGS:
        themed_page.goto(path.format(**ids))
        themed_page.get_by_role("main").get_by_role("link", name=link, exact=True).click()
        expect(themed_page.get_by_role("dialog")).to_be_visible()
        axe(themed_page)


def test_no_page_scrolls_sideways_on_a_small_phone(narrow_page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(narrow_page, asha)

    for path in PAGES:
        narrow_page.goto(path.format(**ids))
        no_sideways_scroll(narrow_page)


def test_a_resellers_own_pages_are_accessible_and_narrow_enough(
    narrow_page: Page, north: Reseller, ids: dict[str, int]
) -> None:
    sign_in_as(narrow_page, north.user)

    for path in (
        "/",
        "/resellers/",
        "/resellers/new",
        "/resellers/{north}/transactions/",
        "/transfers/",
        "/subscribers/new",
        "/top-up-requests/",
        "/top-up-requests/new",
        "/transactions/low-balance-threshold/",
        "/top-up-requests/{asked}/cancellation/",
        "/renewals/",
    ):
        narrow_page.goto(path.format(**ids))
        axe(narrow_page)
        no_sideways_scroll(narrow_page)


def test_the_sign_in_page_is_accessible_in_light_and_dark(themed_page: Page, asha: User) -> None:
    themed_page.goto("/sign-in/")
    axe(themed_page)

    themed_page.get_by_role("button", name="Sign in").click()
    expect(themed_page.get_by_role("alert")).to_be_visible()
    axe(themed_page)


def test_a_form_with_errors_is_accessible_and_leads_to_its_fields(page: Page, asha: User) -> None:
    sign_in_as(page, asha)
    page.goto("/resellers/new")
    page.get_by_label("Credit limit").fill("abc")

    page.get_by_role("button", name="Create reseller").click()

    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    axe(page)
    summary.get_by_role("link").first.click()
    expect(page.get_by_label("Username")).to_be_focused()


def test_a_borrowed_seat_shows_its_banner_on_a_small_phone(narrow_page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(narrow_page, asha)
    narrow_page.goto("/resellers/{north}/seats/".format(**ids))
    narrow_page.get_by_label("Reason").fill("To see what they see")

    narrow_page.get_by_role("button", name="Login as reseller").click()

    expect(narrow_page.get_by_role("region", name="You are in another panel")).to_contain_text("North Net")
    axe(narrow_page)
    no_sideways_scroll(narrow_page)


def test_the_keyboard_alone_opens_and_closes_a_dialog(page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(page, asha)
    page.goto("/resellers/{north}/".format(**ids))
    opener = page.get_by_role("main").get_by_role("link", name="Transfer", exact=True)

    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Amount")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()


def test_the_transfer_dialog_says_what_will_happen_while_one_types(page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(page, asha)
    page.goto("/resellers/{north}/".format(**ids))
    page.get_by_role("main").get_by_role("link", name="Transfer", exact=True).click()

    page.get_by_label("Amount").press_sequentially("250.5")

    expect(page.get_by_role("button", name="Transfer 250.50 USD")).to_be_visible()
    expect(page.get_by_role("group", name="Balances before and after")).to_contain_text("1,200.50")


def test_what_is_typed_the_moment_a_dialog_opens_counts(page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(page, asha)
    page.goto("/resellers/{north}/".format(**ids))
    page.evaluate("""document.addEventListener("htmx:afterSwap", () => setTimeout(() => {
        const amount = document.getElementById("id_amount");
        amount.value = "250";
        amount.dispatchEvent(new Event("input", { bubbles: true }));
    }, 0), { once: true })""")

    page.get_by_role("main").get_by_role("link", name="Transfer", exact=True).click()

    expect(page.get_by_role("button", name="Transfer 250.00 USD")).to_be_visible()


def test_the_withdraw_dialog_warns_before_the_money_is_missing(page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(page, asha)
    page.goto("/resellers/{north}/".format(**ids))
    page.get_by_role("main").get_by_role("link", name="Withdraw", exact=True).click()

    page.get_by_label("Amount").press_sequentially("5000")

    expect(page.get_by_text("The wallet does not hold that much")).to_be_visible()
    axe(page)


def test_a_taken_username_is_known_when_the_field_is_left(page: Page, asha: User, north: Reseller) -> None:
    sign_in_as(page, asha)
    page.goto("/resellers/new")

    page.get_by_label("Username").fill("nadia")
    page.keyboard.press("Tab")

    expect(page.get_by_text("The username “nadia” is taken.")).to_be_visible()
