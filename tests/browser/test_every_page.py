"""Every page in a real browser: accessible, in light and dark, silent under the CSP, and narrow enough."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts import operations as accounts
from accounts.models import ApiToken, TokenScope, User
from audit.actions import Action
from audit.models import AuditEntry
from audit.sealing import seal
from billing.operations import change_billing_settings
from network.models import CoaRequest, CoaStatus, Nas
from notifications.models import Channel, Message, Rule, Status, Template
from plans.models import DataPack, Level, Plan
from resellers import operations as resellers
from resellers.models import CustomDomain, Reseller, WanCheck
from subscribers import operations as subscribers
from subscribers.imports import working
from subscribers.models import Subscriber
from tests.browser.looks import axe, no_sideways_scroll, sign_in_as
from tests.cast import PASSWORD, group, make_plan, make_reseller, make_staff, make_support, new_key, seat_of
from tests.network.devices import add_nas, disconnect, set_speed
from tests.pictures import a_logo
from tests.resellers.brands import allow, brand, claim
from tests.resellers.scopes import level, make_service_group
from tests.subscribers.files import again, ask_for_check, csv_of, press, upload
from wallet.models import LedgerAccount, LedgerCheck, Transfer, TransferKind

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
    "/invoices/",
    "/invoices/?q=nobody-at-all",
    "/invoices/?status=paid&amount=x",
    "/invoices/{invoice}/",
    "/invoices/{refunded}/",
    "/invoices/{invoice}/payment/",
    "/invoices/{invoice}/cancellation/",
    "/invoices/{invoice}/links/",
    "/invoices/{invoice}/links/revocation/",
    "/credit-notes/",
    "/credit-notes/?q=nobody-at-all",
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
    "/subscribers/imports/",
    "/subscribers/imports/new",
    "/subscribers/imports/{uploaded}/",
    "/subscribers/imports/{checking}/",
    "/subscribers/imports/{wrong}/",
    "/subscribers/imports/{right}/",
    "/subscribers/imports/{right}/checks/",
    "/subscribers/imports/{imported}/",
    "/subscribers/?col=nas&col=phone&col=auto_renew&col=added&col=usage&col=price&nas={nas}&expires_from=2020-01-01",
    "/subscribers/?q=nobody",
    "/subscribers/{throttled}/",
    "/subscribers/{moved_here}/",
    "/subscribers/{throttled}/plan-changes/?plan={plan}",
    "/subscribers/{line}/plan-changes/",
    "/subscribers/{throttled}/data-top-ups/",
    "/subscribers/{line}/data-top-ups/",
    "/subscribers/{line}/price/",
    "/subscribers/{line}/move/",
    "/subscribers/{line}/suspension/",
    "/subscribers/{line}/resumption/",
    "/subscribers/{line}/termination/",
    "/subscribers/{line}/disconnection/",
    "/subscribers/{throttled}/fup-reset/",
    "/subscribers/bulk/renewal/?all=1",
    "/subscribers/bulk/renewal/",
    "/subscribers/bulk/suspension/?all=1",
    "/subscribers/bulk/resumption/?all=1",
    "/subscribers/bulk/plan-change/?all=1&to_plan={plan}",
    "/subscribers/bulk/move/?all=1&to_reseller={north}",
    "/subscribers/bulk/{bulk}/",
    "/renewals/",
    "/plans/",
    "/plans/new",
    "/plans/{plan}/edit/",
    "/plans/{plan}/service-groups/",
    "/resellers/{north}/scope/",
    "/resellers/{north}/branding/",
    "/resellers/{over}/branding/",
    "/resellers/{north}/branding/withdrawal/",
    "/resellers/{over}/branding/allowance/",
    "/resellers/{over}/branding/domain/",
    "/resellers/{north}/branding/domain/release/",
    "/resellers/{north}/level/",
    "/settings/levels/",
    "/settings/levels/{level}/edit/",
    "/settings/service-groups/",
    "/settings/service-groups/new",
    "/settings/service-groups/{services}/edit/",
    "/settings/service-groups/{services}/deletion/",
    "/nas/",
    "/nas/?q=nobody",
    "/nas/new",
    "/nas/{nas}/",
    "/nas/{nas}/edit/",
    "/nas/{nas}/removal/",
    "/audit/",
    "/audit/?address=203.0.113.0/24&object_id=x",
    "/audit/{row}/",
    "/settings/",
    "/settings/billing/",
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
    "/settings/api-tokens/",
    "/settings/api-tokens/?view=revoked&q=nobody",
    "/settings/api-tokens/new",
    "/settings/api-tokens/{token}/revocation/",
    "/settings/notifications/",
    "/settings/notifications/email/",
    "/settings/notifications/email/tests/",
    "/settings/notifications/sms/",
    "/settings/notifications/sms/tests/",
    "/settings/notifications/templates/",
    "/settings/notifications/templates/{message_template}/edit/",
    "/settings/notifications/templates/{message_template}/shipped-text/",
    "/settings/notifications/rules/",
    "/settings/notifications/rules/{message_rule}/edit/",
    "/settings/notifications/log/",
    "/settings/notifications/log/?q=nobody",
    "/settings/notifications/log/{sent_message}/",
    "/settings/notifications/log/{failed_message}/",
    "/settings/security/",
    "/settings/system/",
    "/account/sign-ins/",
    "/graphql/playground/",
    "/nothing-here/",
)
#: What a reseller reads of its own money.
OF_WALLET = ("/resellers/{north}/transactions/", "/transfers/", "/transfers/{charged}/", "/wallets/{wallet}/statement/")
DIALOGS = (
    ("/resellers/{north}/", "Transfer"),
    ("/resellers/{north}/", "Withdraw"),
    ("/resellers/{north}/", "Login as reseller"),
    ("/resellers/{fresh}/", "Reveal"),
    ("/resellers/{north}/branding/", "Take branding back"),
    ("/resellers/{north}/branding/", "Release"),
    ("/resellers/{over}/branding/", "Allow branding"),
    ("/resellers/{deleted}/", "Restore"),
    ("/resellers/{deleted}/", "Permanent delete"),
    ("/subscribers/{line}/", "Renew"),
    ("/subscribers/{line}/", "Refund"),
    ("/subscribers/{throttled}/", "Change plan"),
    ("/subscribers/{throttled}/", "Sell data"),
    ("/subscribers/{throttled}/", "Set price"),
    ("/subscribers/{throttled}/", "Reset FUP"),
    ("/subscribers/{throttled}/", "Disconnect"),
    ("/subscribers/{throttled}/", "Move"),
    ("/subscribers/{throttled}/", "Suspend"),
    ("/subscribers/{throttled}/", "Terminate"),
    ("/invoices/{invoice}/", "Mark as paid"),
    ("/invoices/{invoice}/", "Cancel invoice"),
    ("/invoices/{invoice}/", "Make link"),
    ("/top-up-requests/", "Approve"),
    ("/top-up-requests/", "Refuse"),
    ("/nas/{nas}/", "Remove"),
    ("/plans/{plan}/edit/", "Change service groups"),
    ("/settings/service-groups/{services}/edit/", "Delete"),
    ("/account/", "Change username"),
    ("/account/", "Change email or phone"),
    ("/settings/permissions/{group}/", "Delete"),
    ("/settings/notifications/email/", "Send a test"),
    ("/settings/notifications/templates/{message_template}/edit/", "Back to the shipped text"),
)


def told_of(line: Subscriber, now: datetime) -> dict[str, int]:
    """Set up channels, word a template and turn a rule on, and leave messages of every state in the log."""
    Channel.objects.filter(way="email").update(
        is_on=True, host="mail.isp.example", from_address="panel@isp.example", username="panel"
    )
    Channel.objects.filter(way="sms").update(
        url="https://sms.example/send?to={{ to }}&text={{ text }}", method="GET", from_name="AlNoor"
    )
    worded = Template.objects.get(event="expired", way="email")
    Template.objects.filter(pk=worded.pk).update(subject="Over: {{ plan }}", body="Dear {{ name }},\n\nplease renew.")
    rule = Rule.objects.get(event="expiring_soon", way="email")
    Rule.objects.filter(pk=rule.pk).update(is_on=True, recipients=["subscriber", "admins"])
    # Another address than the one that failed.
    Subscriber.objects.filter(pk=line.pk).update(email=f"{line.username}.with.quite.another.name@home.example")
    states = {
        Status.SENT: "250 2.0.0 Ok: queued as 4WmQ7x1Zz9z",
        Status.FAILED: "550 5.1.1 <a.very.long.address.of.somebody@an.even.longer.domain.example>: User unknown",
        Status.UNCERTAIN: "The worker ended while this was being handed over: it may have arrived.",
        Status.WAITING: "",
    }
    made = {
        status: Message.objects.create(
            event="expired", key=status, way="email", status=status, answer=answer, attempts=1, tries_left=5,
            recipient=f"{line.username}.with.a.rather.long.name@home.example", subject="Your internet has expired",
            body="Dear Elif Aydın,\n\nyour plan Home expired on 14 May 2026.\n\n-- \nAl-Noor ISP\n",
            next_try_at=now, created_at=now, asked_at=now, closed_at=None if status == Status.WAITING else now,
            told_as="subscriber", subscriber=line, reseller=line.reseller,
        )
        for status, answer in states.items()
    }  # fmt: skip
    return {
        "message_template": worded.pk,
        "message_rule": rule.pk,
        "sent_message": made[Status.SENT].pk,
        "failed_message": made[Status.FAILED].pk,
    }


def ask_for(reseller: Reseller, amount: str, note: str, now: datetime) -> int:
    """Let the reseller ask for money, and return the id of its request."""
    asked = resellers.ask_for_top_up(actor=seat_of(reseller.user), amount=Decimal(amount), note=note, now=now)
    return asked.pk


def tokens_of(admin: User, reseller: User, now: datetime) -> int:
    """Make API tokens in every state, and return the id of one of the reseller's that is in force."""
    shop = {"owner": reseller, "scope": TokenScope.RESELLER, "name": "Web shop", "days": 90, "now": now}
    crm = {"owner": admin, "scope": TokenScope.ADMIN, "name": "The customer database of the head office", "days": 7}
    made = accounts.create_token(actor=seat_of(reseller), **shop, allowed_ips="203.0.113.0/24, 2001:db8:100::/48").token
    ApiToken.objects.filter(pk=made.pk).update(last_used_at=now, last_used_from="2001:db8:100::7")
    accounts.create_token(actor=seat_of(admin), **crm, now=now)
    accounts.create_token(actor=seat_of(admin), **crm, now=now - timedelta(days=30))
    revoked = accounts.create_token(actor=seat_of(admin), **crm, now=now).token
    accounts.revoke_token(actor=seat_of(admin), token_id=revoked.pk, now=now)
    return made.pk


def told_things(actor: User, line: Subscriber) -> Nas:
    """Return a NAS device that is away, with a request of every kind and with every outcome."""
    nas, long_ago = add_nas(actor, note="In the cellar, behind the pump"), timezone.now() - timedelta(hours=1)
    Nas.objects.filter(pk=nas.pk).update(
        is_reachable=False, probed_at=long_ago, probe_answer="No answer at port 443 within 3 s."
    )
    for status in CoaStatus.values:
        asked = [set_speed(nas, line), disconnect(nas, line)]
        if status not in (CoaStatus.WAITING, CoaStatus.NO_NAS):
            CoaRequest.objects.filter(pk__in=[each.pk for each in asked]).update(
                status=status,
                attempts=9,
                answer="503 Session Context Not Found: the line is not connected.",
                answered_at=long_ago,
            )
    CoaRequest.objects.update(created_at=long_ago)
    return nas


def files_of(admin: User, north: Reseller) -> dict[str, int]:
    """Return the ids of imports at each step of the way."""
    now = timezone.now()
    rows = [["amal", "secret", "Home", "أمل حداد"], ["a name with blanks", "", "Home", "Elif Aydın"]]
    texts = [csv_of(*rows[:many], columns=("Login", "Secret", "Profile", "Whose line it is")) for many in (1, 2)]
    uploaded = upload(admin, north, texts[1], now=now)
    checking, wrong, right = (
        ask_for_check(admin, upload(admin, north, text, now=now), activates=False, now=now)
        for text in (texts[1], texts[1], texts[0])
    )
    imported = ask_for_check(admin, upload(admin, north, csv_of(["zaki", "", "Home"]), now=now), now=now)
    for held in (wrong, right, imported):
        working.check_file(import_id=held.pk, number=held.number, now=now)
    pressed = press(admin, again(imported), now=now)
    working.import_file(import_id=pressed.pk, number=pressed.number, now=now)
    helds = {"uploaded": uploaded, "checking": checking, "wrong": wrong, "right": right, "imported": imported}
    return {name: held.pk for name, held in helds.items()}


def sold_things(actor: User, over: Reseller, nas: Nas) -> dict[str, int]:
    """Return the ids of a throttled line that was sold data and another plan, of one that was moved, and of an act."""
    admin, now = seat_of(actor), timezone.now()
    seller = make_reseller(actor, "seller", "Coast Cable", credit_limit=Decimal(500))
    fair = make_plan(
        "Fair use", "20.00", quota_mb=50_000, fup_threshold_mb=20_000,
        throttled_download_kbps=2_000, throttled_upload_kbps=1_000,
    )  # fmt: skip
    pack = DataPack.objects.create(plan=fair, megabytes=5_000, price=Decimal(3))
    add = partial(
        subscribers.add_subscriber, actor=admin, reseller=seller, password="line-password", nas=nas, auto_renew=True
    )
    throttled = add(plan=make_plan("Small", "10.00"), username="line-004", now=now - timedelta(days=10))
    subscribers.change_plan(actor=admin, subscriber_id=throttled.pk, plan=fair, now=now - timedelta(days=5))
    subscribers.sell_data(actor=admin, subscriber_id=throttled.pk, pack=pack, now=now - timedelta(days=1))
    subscribers.record_usage(used={"line-004": 48_250}, now=now)
    failed = add(plan=fair, username="line-005", activate=False, now=now)
    Subscriber.objects.filter(pk=failed.pk).update(
        renewal_failed_at=now, renewal_failure="10.00 USD is missing: 20.00 USD is needed and 10.00 USD is available."
    )
    moved = add(plan=fair, username="line-006", now=now)
    subscribers.move_subscribers(actor=admin, subscriber_ids=[moved.pk], to=over, now=now)
    act = subscribers.suspend_many(
        actor=admin, subscriber_ids=[failed.pk, moved.pk, 0], key=new_key("suspend_many"), now=now
    )
    return {"throttled": throttled.pk, "moved_here": moved.pk, "bulk": act.pk}


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
    change_billing_settings(actor=admin, company_name="Al-Noor ISP", logo=a_logo(), now=now)
    over = make_reseller(asha, "over", "Riverside Broadband", level=level("GOLD"), credit_limit=Decimal(500), now=now)
    services = make_service_group(asha, "Fibre", home, sentence="For towns with fibre.", is_default=True)
    spent = resellers.transfer_to_reseller(actor=admin, reseller_id=over.pk, amount=Decimal(30), note="", now=now)
    for number in range(2):
        subscribers.add_subscriber(
            actor=admin, reseller=over, plan=home, username=f"owing-{number}", password="line-password", now=now
        )
    resellers.edit_reseller(actor=admin, reseller_id=over.pk, credit_limit=Decimal(10), now=now)
    # Above the highest credit limit of its level, which was lowered since.
    Level.objects.filter(name="GOLD").update(default_credit_limit=0, highest_credit_limit=5)
    taken_back = subscribers.add_subscriber(
        actor=admin, reseller=north, plan=home, username="line-003", password="line-password", now=now
    ).renewals.get()
    subscribers.refund_charge(actor=admin, renewal_id=taken_back.pk, reason="Never installed", now=now)
    answered = ask_for(north, "75", "Cash at the desk", now)
    resellers.refuse_top_up(actor=admin, request_id=answered, reason="Nothing came in by the 20th", now=now)
    asked = ask_for(north, "250", "Bank transfer of 14 May, reference 4711", now)
    token = tokens_of(asha, north.user, now)
    allow(asha, north)
    brand(asha, north, "#facc15", logo=a_logo(), dark_logo=a_logo(), tagline="Close to you")
    claimed = claim(north.user, north, "panel.with-quite-a-long-name.north-net.example")
    CustomDomain.objects.filter(pk=claimed.pk).update(checked_at=now, failure="There is no such record yet.")
    nas = told_things(asha, line)
    Reseller.objects.filter(pk=north.pk).update(wan_check=WanCheck.ON)
    lines = sold_things(asha, over, nas)
    row = AuditEntry.objects.filter(action=Action.RESELLER_CREATED).latest("pk").pk
    return (
        people
        | files_of(asha, north)
        | lines
        | told_of(line, now)
        | {
            "north": north.pk,
            "northeast": northeast.pk,
            "nas": nas.pk,
            "fresh": fresh.pk,
            "suspended": suspended.pk,
            "deleted": deleted.pk,
            "line": line.pk,
            "plan": home.pk,
            "row": row,
            "token": token,
            "funding": funding.pk,
            "spent": spent.pk,
            "over": over.pk,
            "charge": line.renewals.get().transfer_id,
            "invoice": line.renewals.get().invoice.pk,
            "refunded": taken_back.invoice.pk,
            "answered": answered,
            "asked": asked,
            "group": group("SALES").pk,
            "level": level("GOLD").pk,
            "services": services.pk,
            "login": north.user_id,
            "wallet": north.wallet_id,
            "moved": Transfer.objects.filter(kind=TransferKind.TRANSFER).latest("pk").pk,
            "charged": Transfer.objects.filter(kind=TransferKind.ACTIVATION).latest("pk").pk,
        }
    )


def test_every_page_is_accessible_in_light_and_dark(themed_page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(themed_page, asha)

    for path in PAGES:
        themed_page.goto(path.format(**ids))
        axe(themed_page)


def test_every_dialog_is_accessible_in_light_and_dark(themed_page: Page, asha: User, ids: dict[str, int]) -> None:
    sign_in_as(themed_page, asha)

    for path, link in DIALOGS:
        themed_page.goto(path.format(**ids))
        opener = themed_page.get_by_role("main").get_by_role("link", name=link, exact=True)
        if not opener.is_visible():
            themed_page.locator(".page-head").get_by_role("button", name="Actions").click()
        opener.click()
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
        "/resellers/{northeast}/scope/",
        "/plans/",
        "/plans/{plan}/price/",
        "/transfers/",
        "/subscribers/new",
        "/top-up-requests/",
        "/top-up-requests/new",
        "/transactions/low-balance-threshold/",
        "/top-up-requests/{asked}/cancellation/",
        "/renewals/",
        "/account/",
        "/account/password/",
        "/account/api-tokens/",
        "/account/api-tokens/new",
        "/account/api-tokens/{token}/revocation/",
        "/nas/",
        "/nas/{nas}/",
    ):
        narrow_page.goto(path.format(**ids))
        axe(narrow_page)
        no_sideways_scroll(narrow_page)


def test_a_new_api_token_is_shown_accessible_and_narrow_enough(
    themed_page: Page, narrow_page: Page, asha: User
) -> None:
    for page in (themed_page, narrow_page):
        sign_in_as(page, asha)
        page.goto("/settings/api-tokens/new")
        page.get_by_label("Name").fill("Web shop")
        page.get_by_label("Your password").fill(PASSWORD)

        page.get_by_role("button", name="Create token").click()

        expect(page.get_by_role("heading", name="Your new API token")).to_be_visible()
        axe(page)
        no_sideways_scroll(page)


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


def test_the_transfer_dialog_says_what_will_happen_while_one_types(
    page: Page, asha: User, north: Reseller, ids: dict[str, int]
) -> None:
    after = LedgerAccount.objects.get(pk=north.wallet_id).available + Decimal("250.50")
    sign_in_as(page, asha)
    page.goto("/resellers/{north}/".format(**ids))
    page.get_by_role("main").get_by_role("link", name="Transfer", exact=True).click()

    page.get_by_label("Amount").press_sequentially("250.5")

    expect(page.get_by_role("button", name="Transfer 250.50 USD")).to_be_visible()
    expect(page.get_by_role("group", name="Balances before and after")).to_contain_text(f"{after:,.2f}")


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
