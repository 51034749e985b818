"""Every address of the panel, asked for by every kind of login, about objects of its own, of others and of nobody.

A new address needs a row in `ROWS`: which kinds of login get through, and what they are answered. A new model in an
address needs its objects in `World.objects` and its scope in `SEES` and `ACTS`.
"""

import logging
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.access import Policy
from accounts.models import ApiToken, PermissionGroup, TokenScope, User
from audit.actions import Action
from audit.models import AuditEntry
from billing.models import CreditNote, Invoice
from ispanel.logos import digest_of, kept_picture
from ispanel.models import PanelSettings
from network.models import Nas
from notifications.models import Message, Rule, Status, Template
from plans.models import Level, Plan, ServiceGroup
from resellers.models import Reseller, StaffLogin, TopUpRequest
from subscribers.import_models import SubscriberImport
from subscribers.models import BulkAct, BulkKind, Subscriber
from subscribers.operations import imports, renew_subscriber
from tests.cast import (
    NOW,
    PASSWORD,
    fund,
    group,
    make_admin,
    make_plan,
    make_reseller,
    make_staff,
    make_support,
    seat_of,
)
from tests.network.devices import add_nas, limit
from tests.pictures import a_logo
from wallet.models import LedgerAccount, Transfer

# --- kinds of login ---------------------------------------------------------------------------------------------------

ANONYMOUS = "anonymous"
ADMIN = "admin"
NO_GROUP = "reseller without a group"
SALES = "reseller in SALES"
SALES_PLUS = "reseller in SALES plus subscribers.view_all"
SUPPORT = "reseller in SUPPORT"
PARTNER = "reseller in PARTNER"
SUB = "sub-reseller"
STAFF = "staff of a reseller"
PETRA = "support staff without a group"
PAVEL = "support staff in SALES"
ADMIN_AS = "admin as reseller"
PARENT_AS = "reseller as its sub"

KINDS = (
    ANONYMOUS, ADMIN, NO_GROUP, SALES, SALES_PLUS, SUPPORT, PARTNER, SUB, STAFF, PETRA, PAVEL, ADMIN_AS, PARENT_AS,
)  # fmt: skip
SIGNED_IN = frozenset(KINDS) - {ANONYMOUS}
BORROWED = frozenset({ADMIN_AS, PARENT_AS})
#: Who signs in as a reseller itself.
OWN_LOGINS = frozenset({NO_GROUP, SALES, SALES_PLUS, SUPPORT, PARTNER, SUB})

METHODS = ("get", "post", "put", "delete")
NOBODYS = uuid.UUID(int=7)

#: For whom Django admin is there at all, and who finds something in it.
AT_DESK = frozenset({ADMIN, PETRA, PAVEL})
HELPERS = AT_DESK - {PETRA}

#: Those who may have sub-resellers, and those who may sell.
TOP_SELLERS = frozenset({NO_GROUP, SALES, SALES_PLUS, STAFF, ADMIN_AS})
SELLERS = TOP_SELLERS | {SUB, PARENT_AS}
#: Who reads what: PARTNER all of it, SUPPORT little.
READERS = SELLERS | {ADMIN, PARTNER}
READERS_OF_LINES = READERS | {SUPPORT}
#: Who changes what. PARTNER is never among them.
KEEPERS = SELLERS | {ADMIN}

# --- scopes -----------------------------------------------------------------------------------------------------------

OWN, CHILD, PARENT, SIBLING, FOREIGN, ABSENT = "own", "child", "parent", "sibling", "foreign", "absent"
ALL = frozenset({OWN, CHILD, PARENT, SIBLING, FOREIGN})
TREE = frozenset({OWN, CHILD})
NONE: frozenset[str] = frozenset()


def scope(default: frozenset[str], *, all_for: tuple[str, ...] = ()) -> dict[str, frozenset[str]]:
    return dict.fromkeys(KINDS, default) | {PETRA: NONE, PAVEL: NONE} | dict.fromkeys([ADMIN, *all_for], ALL)


class Funding(Transfer):
    """A transfer by hand, which a reversal takes back."""

    class Meta:
        proxy = True
        app_label = "wallet"


class Charge(Transfer):
    """A charge for a subscriber's period, which a refund takes back."""

    class Meta:
        proxy = True
        app_label = "wallet"


class OwnTopUp(TopUpRequest):
    """A top-up request as whoever made it acts on it; of all others, those who fund a reseller answer its requests."""

    class Meta:
        proxy = True
        app_label = "resellers"


class SoldPlan(Plan):
    """A plan as those see it who sell it: not those that are withdrawn."""

    class Meta:
        proxy = True
        app_label = "plans"


class Person(User):
    """An admin or a member of the support staff, which is what the number in an address of the users names."""

    class Meta:
        proxy = True
        app_label = "accounts"


#: What each kind of login sees. Anything else is 404 for it.
SEES: dict[type[Model], dict[str, frozenset[str]]] = {
    Reseller: scope(TREE, all_for=(PARTNER,)),
    Subscriber: scope(TREE, all_for=(PARTNER, SALES_PLUS)),
    BulkAct: scope(frozenset({OWN})),
    Nas: scope(TREE, all_for=(PARTNER,)),
    SubscriberImport: scope(TREE),
    StaffLogin: scope(TREE),
    Person: dict.fromkeys(KINDS, ALL),
    Funding: dict.fromkeys(KINDS, ALL),
    Charge: dict.fromkeys(KINDS, ALL),
    TopUpRequest: scope(TREE, all_for=(PARTNER,)),
    OwnTopUp: scope(TREE, all_for=(PARTNER,)),
    Invoice: scope(TREE, all_for=(PARTNER,)),
    CreditNote: scope(TREE, all_for=(PARTNER,)),
    Plan: dict.fromkeys(KINDS, ALL),
    SoldPlan: dict.fromkeys(KINDS, frozenset({OWN})) | {ADMIN: ALL},
    Level: dict.fromkeys(KINDS, ALL),
    Template: dict.fromkeys(KINDS, ALL),
    Rule: dict.fromkeys(KINDS, ALL),
    Message: dict.fromkeys(KINDS, ALL),
    ServiceGroup: dict.fromkeys(KINDS, ALL),
    PermissionGroup: dict.fromkeys(KINDS, ALL),
    User: dict.fromkeys(KINDS, ALL),
    ApiToken: scope(frozenset({OWN})),
    AuditEntry: scope(TREE, all_for=(PARTNER,)),
    LedgerAccount: scope(TREE, all_for=(PARTNER,)),
    Transfer: scope(TREE, all_for=(PARTNER,)),
}
#: What of that it may act on, where it has the permission. The rest is 403.
ACTS: dict[type[Model], dict[str, frozenset[str]]] = {
    Reseller: scope(frozenset({CHILD})),
    Subscriber: scope(TREE),
    # What a file holds is for whoever uploaded it, in that panel.
    SubscriberImport: dict.fromkeys(KINDS, NONE) | dict.fromkeys([NO_GROUP, SALES, SALES_PLUS, SUB], frozenset({OWN})),
    StaffLogin: scope(frozenset({OWN})),
    TopUpRequest: scope(frozenset({CHILD})),
    OwnTopUp: dict.fromkeys(KINDS, frozenset({OWN})),
    Plan: dict.fromkeys(KINDS, ALL),
    PermissionGroup: dict.fromkeys(KINDS, ALL),
    User: dict.fromkeys(KINDS, ALL),
    Invoice: scope(TREE),
}

# --- the table --------------------------------------------------------------------------------------------------------

Form = Callable[["World", str], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """Who gets through to an address, and what they are answered.

    ``get`` and ``post`` are the answers to those who get through, ``form`` what they post. ``of`` is what the number in
    the address names, ``acts`` says that it is changed, ``right_first`` that 403 goes before 404.
    ``strangers`` are the answers to those who are not signed in, where the address is for them too.
    """

    who: frozenset[str]
    get: int = 200
    post: int = 405
    form: Form | None = None
    of: type[Model] | None = None
    acts: bool = False
    right_first: bool = False
    strangers: tuple[int, int] | None = None
    post_in_own_panel: int | None = None
    #: Who passes the permission, and is refused by the act itself.
    refused_by_act: frozenset[str] = NONE
    #: Reading it leaves its one row in the trail, as every export does.
    recorded: bool = False
    #: In Django admin: of the whole system for those who work there, absent for all others who are signed in.
    at_desk: bool = False
    #: What those who work there get where they may not; of a row of the database it is always 404.
    refusal: int = 403
    #: An address that the route's pattern fits.
    address: str = ""


reads_reseller = partial(Row, of=Reseller)
acts_on_reseller = partial(Row, of=Reseller, acts=True, post=303)
ADMINS = frozenset({ADMIN})
acts_on_person = partial(Row, ADMINS, of=Person, right_first=True, post=303)
admin_acts_on_reseller = partial(Row, ADMINS, of=Reseller, right_first=True, post=303)
admin_acts_on_staff = partial(Row, ADMINS, of=StaffLogin, right_first=True, post=303)
acts_on_staff = partial(Row, of=StaffLogin, acts=True, post=303)
acts_on_line = partial(Row, of=Subscriber, acts=True, post=303)
acts_on_import = partial(Row, KEEPERS, of=SubscriberImport, acts=True)
acts_on_invoice = partial(Row, KEEPERS, of=Invoice, acts=True, post=303)
answers_request = partial(Row, of=TopUpRequest, acts=True, post=303)


def with_key(**typed: Any) -> Form:
    return lambda _world, _kind: {"idempotency_key": str(uuid.uuid4()), **typed}


def typed(**contents: Any) -> Form:
    return lambda _world, _kind: contents


def a_new_reseller(_world: "World", _kind: str) -> dict[str, Any]:
    sales = group("SALES").pk
    login = {"username": "brand.new", "password": "SecurePass123!", "company_name": "Brand New"}
    return with_key(**login, permission_group=sales, wan_check="inherit", nas_scope="all")(_world, _kind)


def an_edited_reseller(_world: "World", _kind: str) -> dict[str, Any]:
    return {"company_name": "Renamed", "permission_group": group("SALES").pk, "wan_check": "inherit"}


def a_scope(_world: "World", _kind: str) -> dict[str, Any]:
    return {"service_groups": [ServiceGroup.objects.get(holds_every_plan=True).pk], "nas_scope": "all"}


def a_new_staff_login(world: "World", kind: str) -> dict[str, Any]:
    login = {"username": "brand.new", "password": "SecurePass123!", "permission_group": group("SUPPORT").pk}
    return login | {"reseller": world.panel_of(kind).pk}


def an_edited_staff_login(_world: "World", _kind: str) -> dict[str, Any]:
    return {"full_name": "Renamed", "permission_group": group("SUPPORT").pk}


def a_new_line(world: "World", kind: str) -> dict[str, Any]:
    line = {"username": "brand.new", "password": "SecurePass123!", "activate": "on", "plan": world.home.pk}
    return with_key(**line, reseller=world.panel_of(kind).pk)(world, kind)


def a_file(world: "World", kind: str) -> dict[str, Any]:
    return {"reseller": world.panel_of(kind).pk, "file": SimpleUploadedFile("new.csv", b"username,plan\nnew,Home\n")}


def picked(**typed: Any) -> Form:
    """Return a form that acts on the line of the own panel, as one of many."""

    def form(world: "World", kind: str) -> dict[str, Any]:
        return with_key(ids=str(world.lines[world.panel_of(kind).pk].pk), **typed)(world, kind)

    return form


def picked_and_kept(world: "World", kind: str) -> dict[str, Any]:
    return picked(to_reseller=world.panel_of(kind).pk)(world, kind)


def picked_for_home(world: "World", kind: str) -> dict[str, Any]:
    return picked(to_plan=world.home.pk)(world, kind)


def to_own_panel(world: "World", kind: str) -> dict[str, Any]:
    return {"reseller": world.panel_of(kind).pk}


def another_plan(world: "World", kind: str) -> dict[str, Any]:
    return with_key(plan=world.home.pk)(world, kind)


def a_plan(_world: "World", _kind: str) -> dict[str, Any]:
    speeds = {"download_mbps": "50", "upload_mbps": "10"}
    return {"name": "Another", "price": "5", "duration": "30", "duration_unit": "days", **speeds}


def a_nas(_world: "World", _kind: str) -> dict[str, Any]:
    ports = {"coa_port": "3799", "probe_port": "443"}
    return {"name": "Another", "kind": "mikrotik", "address": "192.0.2.99", "secret": "SecureSecret123", **ports}


def a_group(_world: "World", _kind: str) -> dict[str, Any]:
    return {"name": "Another", "codes": ["dashboard.view"]}


NEW_PASSWORD = {"own_password": PASSWORD, "password": "a-garden-in-october", "repeated": "a-garden-in-october"}
CONFIRMED = {"own_password": PASSWORD}
A_NAME = {"username": "brand.new", "own_password": PASSWORD}
A_CONTACT = {"email": "brand.new@isp.example", "phone": "+1 555", "own_password": PASSWORD}
A_PERSON = {"user_type": "3", "username": "brand.new", "password": "SecurePass123!", "own_password": PASSWORD}
A_TOKEN = {"name": "Shop", "days": "30", "own_password": PASSWORD}
FOR_SOMEBODY = {"password": "a-garden-in-october", "own_password": PASSWORD}
GENERAL = {"name": "Panel", "time_zone": "UTC", "currency_code": "USD", "currency_decimals": "2"}
BILLING = {"company_name": "Al-Noor ISP", "invoice_prefix": "INV-", "credit_note_prefix": "CN-"}
A_MAIL_SERVER = {"host": "mail.isp.example", "port": "25", "security": "none", "from_address": "panel@isp.example"}
A_GATEWAY = {
    "method": "GET", "url": "https://sms.example/?to={{ to }}&text={{ text }}", "content_type": "json",
}  # fmt: skip
SECURITY = {"idle_minutes": "60", "absolute_hours": "12", "own_password": PASSWORD}

ROWS = {
    "health/live": Row(SIGNED_IN, strangers=(200, 405)),
    "health/ready": Row(SIGNED_IN, strangers=(200, 405)),
    # What it answers to a proxy that names a host: tests/ispanel/test_doors.py.
    "tls/allowed": Row(SIGNED_IN, get=404, strangers=(404, 405)),
    "sign-in/": Row(SIGNED_IN, get=302, post=302, strangers=(200, 422), form=typed(login="x", password="y")),
    # Where a channel is set up, which is not so here: tests/accounts/test_reset_by_email.py and test_reset_by_sms.py.
    "password/forgotten/": Row(SIGNED_IN, get=302, post=302, strangers=(302, 302), form=typed(login="x")),
    "password/forgotten/sent/": Row(SIGNED_IN, strangers=(200, 405)),
    "password/forgotten/code/": Row(SIGNED_IN, get=302, post=302, strangers=(302, 302), form=typed(code="123456")),
    "password/new/": Row(SIGNED_IN, get=302, post=302, strangers=(302, 302), form=typed(password="x")),
    "sign-out/": Row(SIGNED_IN, get=405, post=302),
    "account/": Row(SIGNED_IN - BORROWED),
    "account/sign-ins/": Row(SIGNED_IN - BORROWED),
    "account/sign-ins/end-others/": Row(SIGNED_IN - BORROWED, get=405, post=303),
    # One that is somebody else's; one's own is ended in tests/accounts/test_sign_ins_page.py.
    "account/sign-ins/<uuid:public_id>/end/": Row(SIGNED_IN - BORROWED, get=405, post=404),
    "account/password/": Row(SIGNED_IN - BORROWED, post=303, form=typed(**NEW_PASSWORD)),
    "account/username/": Row(SIGNED_IN - BORROWED, post=303, form=typed(**A_NAME)),
    "account/contact/": Row(SIGNED_IN - BORROWED, post=303, form=typed(**A_CONTACT)),
    "account/api-tokens/": Row(OWN_LOGINS),
    "account/api-tokens/new": Row(OWN_LOGINS, post=200, form=typed(**A_TOKEN)),
    "account/api-tokens/<int:pk>/revocation/": Row(OWN_LOGINS, of=ApiToken, right_first=True, post=303),
    "settings/api-tokens/": Row(ADMINS),
    "settings/api-tokens/new": Row(ADMINS, post=200, form=typed(**A_TOKEN)),
    "settings/api-tokens/<int:pk>/revocation/": Row(ADMINS, of=ApiToken, right_first=True, post=303),
    # A session counts for nothing there; its fields are asked with tokens in tests/api/test_access.py.
    "graphql": Row(SIGNED_IN, get=405, post=401, strangers=(405, 401)),
    "graphql/playground/": Row(OWN_LOGINS | ADMINS),
    "users/": Row(ADMINS),
    "users/new": Row(ADMINS, post=303, form=typed(**A_PERSON)),
    "users/<int:pk>/": acts_on_person(post=405),
    "users/<int:pk>/edit/": acts_on_person(form=typed(full_name="Renamed")),
    "users/<int:pk>/username/": acts_on_person(form=typed(**A_NAME)),
    "users/<int:pk>/contact/": acts_on_person(form=typed(**A_CONTACT)),
    "users/<int:pk>/password/": acts_on_person(form=typed(**FOR_SOMEBODY)),
    "users/<int:pk>/two-step-reset/": acts_on_person(post=422, form=typed(**CONFIRMED)),
    "users/<int:pk>/sign-ins/": acts_on_person(get=405),
    "users/<int:pk>/removal/": acts_on_person(form=typed(**CONFIRMED)),
    "users/<int:pk>/restoration/": acts_on_person(form=typed(**CONFIRMED)),
    "seat/leave/": Row(SIGNED_IN, get=405, post=303, post_in_own_panel=302),
    "sign-in/two-step/": Row(SIGNED_IN, get=302, post=302, strangers=(302, 302), form=typed(code="123456")),
    "account/two-step/": Row(SIGNED_IN - BORROWED, post=303, form=typed(own_password=PASSWORD)),
    "account/two-step/off/": Row(SIGNED_IN - BORROWED, get=302, post=302, form=typed(own_password=PASSWORD)),
    "account/two-step/codes/": Row(SIGNED_IN - BORROWED, get=302, post=302, form=typed(own_password=PASSWORD)),
    "settings/notifications/": Row(ADMINS),
    "settings/notifications/email/": Row(ADMINS, post=303, form=typed(**A_MAIL_SERVER)),
    "settings/notifications/sms/": Row(ADMINS, post=303, form=typed(**A_GATEWAY)),
    # Neither is set up.
    "settings/notifications/email/tests/": Row(ADMINS, post=422, form=typed(to="me@isp.example")),
    "settings/notifications/sms/tests/": Row(ADMINS, post=422, form=typed(to="+96170123456")),
    "settings/notifications/templates/": Row(ADMINS),
    "settings/notifications/templates/<int:pk>/edit/": Row(
        ADMINS, of=Template, right_first=True, post=303, form=typed(subject="{{ issuer }}", body="{{ issuer }}")
    ),
    "settings/notifications/templates/<int:pk>/shipped-text/": Row(ADMINS, of=Template, right_first=True, post=303),
    "settings/notifications/rules/": Row(ADMINS),
    "settings/notifications/rules/<int:pk>/edit/": Row(
        ADMINS, of=Rule, right_first=True, post=303, form=typed(recipients=["admins"])
    ),
    "settings/notifications/rules/<int:pk>/switch/": Row(
        ADMINS, of=Rule, right_first=True, get=405, post=303, form=typed(is_on="on")
    ),
    "settings/notifications/log/": Row(ADMINS),
    "settings/notifications/log/export": Row(ADMINS, recorded=True),
    "settings/notifications/log/<int:pk>/": Row(ADMINS, of=Message, right_first=True),
    "settings/notifications/log/<int:pk>/retries/": Row(ADMINS, of=Message, right_first=True, get=405, post=303),
    "settings/notifications/log/<int:pk>/copies/": Row(ADMINS, of=Message, right_first=True, get=405, post=303),
    "settings/security/": Row(frozenset({ADMIN}), post=303, form=typed(**SECURITY)),
    "settings/system/": Row(frozenset({ADMIN})),
    "settings/": Row(frozenset({ADMIN}), post=303, form=typed(**GENERAL)),
    "invoices/": Row(READERS),
    "invoices/export": Row(KEEPERS, recorded=True),
    "invoices/<int:pk>/": Row(READERS, of=Invoice),
    "invoices/<int:pk>/pdf": Row(READERS, of=Invoice),
    "invoices/<int:pk>/logo": Row(READERS, of=Invoice),
    "invoices/<int:pk>/payment/": acts_on_invoice(),
    "invoices/<int:pk>/cancellation/": acts_on_invoice(form=typed(reason="by mistake")),
    "invoices/<int:pk>/links/": acts_on_invoice(post=200),
    "invoices/<int:pk>/links/revocation/": acts_on_invoice(),
    "credit-notes/": Row(READERS),
    "credit-notes/export": Row(KEEPERS, recorded=True),
    "credit-notes/<int:pk>/pdf": Row(READERS, of=CreditNote),
    # Without a link that shows one; those that do are in tests/billing/test_public_link.py.
    "i/<str:token>": Row(SIGNED_IN, get=404, strangers=(404, 405), address="i/nothing"),
    "i/<str:token>/pdf": Row(SIGNED_IN, get=404, strangers=(404, 405), address="i/nothing/pdf"),
    "i/<str:token>/logo": Row(SIGNED_IN, get=404, strangers=(404, 405), address="i/nothing/logo"),
    "settings/billing/": Row(ADMINS, post=303, form=typed(**BILLING)),
    "settings/branding/": Row(KEEPERS, post=303, form=typed(colour="#facc15"), refused_by_act=ADMINS),
    "settings/branding/preview.css": Row(KEEPERS),
    "settings/branding/domain/": Row(
        KEEPERS - BORROWED, post=303, form=typed(name="panel.example.com"), refused_by_act=ADMINS
    ),
    # There is no domain yet to look for, or to release.
    "settings/branding/domain/check/": Row(KEEPERS - BORROWED, get=405, post=303, refused_by_act=ADMINS),
    "settings/branding/domain/release/": Row(KEEPERS - BORROWED, post=422, refused_by_act=ADMINS),
    "theme/<slug:digest>.css": Row(SIGNED_IN, get=404, strangers=(404, 405), address="theme/x.css"),
    "pictures/<slug:digest>.png": Row(SIGNED_IN, strangers=(200, 405), address=f"pictures/{digest_of(a_logo())}.png"),
    "settings/permissions/": Row(frozenset({ADMIN})),
    "settings/permissions/new": Row(frozenset({ADMIN}), post=303, form=a_group),
    "settings/permissions/<int:pk>/": Row(frozenset({ADMIN}), of=PermissionGroup, right_first=True),
    "settings/permissions/<int:pk>/edit/": Row(
        frozenset({ADMIN}), of=PermissionGroup, right_first=True, post=303, form=a_group
    ),
    "settings/permissions/<int:pk>/deletion/": Row(frozenset({ADMIN}), of=PermissionGroup, right_first=True, post=303),
    "settings/permissions/logins/": Row(frozenset({ADMIN})),
    "settings/permissions/logins/<int:pk>/": Row(frozenset({ADMIN}), of=User, right_first=True),
    "admin/": Row(AT_DESK, at_desk=True),
    "admin/jsi18n/": Row(AT_DESK, at_desk=True),
    "admin/^(?P<app_label>accounts|resellers|subscribers|audit)/$": Row(
        HELPERS, at_desk=True, refusal=404, address="admin/resellers/"
    ),
    "admin/(?P<url>.*)$": Row(AT_DESK, at_desk=True, get=404, address="admin/nothing/"),
    "admin/accounts/session/": Row(HELPERS, at_desk=True),
    "admin/audit/auditentry/": Row(HELPERS, at_desk=True),
    "admin/audit/auditentry/<path:object_id>/change/": Row(HELPERS, at_desk=True, of=AuditEntry),
    "admin/resellers/reseller/": Row(HELPERS, at_desk=True),
    "admin/resellers/reseller/<path:object_id>/change/": Row(
        HELPERS, at_desk=True, of=Reseller, post=302, form=typed(address="1 Main Street")
    ),
    "admin/subscribers/subscriber/": Row(HELPERS, at_desk=True),
    "admin/subscribers/subscriber/<path:object_id>/change/": Row(
        HELPERS, at_desk=True, of=Subscriber, post=302, form=typed(phone="0700 900 123")
    ),
    "": Row(READERS_OF_LINES),
    "audit/": Row(READERS),
    "audit/export": Row(READERS, recorded=True),
    "audit/<int:pk>/": Row(READERS, of=AuditEntry),
    "transactions/": Row(READERS, get=302),
    "transfers/": Row(READERS),
    "transfers/export": Row(READERS, recorded=True),
    "transfers/<int:pk>/": Row(READERS, of=Transfer),
    "wallets/<int:pk>/statement/": Row(READERS, of=LedgerAccount),
    "wallets/<int:pk>/statement/csv": Row(READERS, of=LedgerAccount, recorded=True),
    "wallets/<int:pk>/statement/pdf": Row(READERS, of=LedgerAccount, recorded=True),
    "plans/": Row(READERS_OF_LINES),
    "plans/new": Row(frozenset({ADMIN}), post=303, form=a_plan),
    "plans/<int:pk>/edit/": Row(frozenset({ADMIN}), of=Plan, right_first=True, post=303, form=a_plan),
    "nas/": Row(READERS),
    "nas/new": Row(ADMINS, post=303, form=a_nas),
    "nas/<int:pk>/": Row(READERS, of=Nas),
    "nas/<int:pk>/edit/": Row(ADMINS, of=Nas, right_first=True, post=303, form=a_nas),
    "nas/<int:pk>/probes/": Row(ADMINS, of=Nas, right_first=True, get=405, post=303),
    # Each is in a reseller's list.
    "nas/<int:pk>/removal/": Row(ADMINS, of=Nas, right_first=True, post=422),
    "plans/<int:pk>/service-groups/": Row(ADMINS, of=Plan, right_first=True, post=303),
    # An admin has no subscribers of their own to ask for anything.
    "plans/<int:pk>/price/": Row(
        KEEPERS, of=SoldPlan, right_first=True, post=303, form=typed(price="5"), refused_by_act=ADMINS
    ),
    "settings/levels/": Row(ADMINS),
    "settings/levels/<int:pk>/edit/": Row(
        ADMINS, of=Level, right_first=True, post=303, form=typed(default_credit_limit="0", discount="1")
    ),
    "settings/service-groups/": Row(ADMINS),
    "settings/service-groups/new": Row(ADMINS, post=303, form=typed(name="Another")),
    "settings/service-groups/<int:pk>/edit/": Row(
        ADMINS, of=ServiceGroup, right_first=True, post=303, form=typed(name="Another")
    ),
    "settings/service-groups/<int:pk>/deletion/": Row(ADMINS, of=ServiceGroup, right_first=True, post=303),
    "resellers/<int:pk>/scope/": acts_on_reseller(KEEPERS, form=a_scope),
    "resellers/<int:pk>/level/": admin_acts_on_reseller(form=typed(level="0")),
    "resellers/": Row(READERS),
    "resellers/new": Row(KEEPERS, post=303, form=a_new_reseller, refused_by_act=frozenset({SUB, PARENT_AS})),
    "resellers/<int:pk>/": reads_reseller(READERS),
    "resellers/<int:pk>/transactions/": reads_reseller(READERS),
    "resellers/<int:pk>/transactions/export": reads_reseller(READERS, recorded=True),
    "resellers/<int:pk>/subs/": reads_reseller(READERS),
    "resellers/<int:pk>/subscribers/": reads_reseller(READERS_OF_LINES),
    "resellers/<int:pk>/audit/": reads_reseller(READERS),
    "resellers/<int:pk>/edit/": acts_on_reseller(KEEPERS, form=an_edited_reseller),
    "resellers/<int:pk>/transfers/": acts_on_reseller(KEEPERS, form=with_key(amount="5")),
    "resellers/<int:pk>/withdrawals/": acts_on_reseller(KEEPERS, form=with_key(amount="5")),
    "resellers/<int:pk>/low-balance-threshold/": acts_on_reseller(KEEPERS, form=typed(threshold="5")),
    # An admin has no wallet of their own.
    "transactions/low-balance-threshold/": Row(KEEPERS, post=303, form=typed(threshold="5"), refused_by_act=ADMINS),
    "transfers/<int:pk>/reversal/": Row(
        ADMINS, of=Funding, right_first=True, post=303, form=with_key(reason="by mistake")
    ),
    "transfers/<int:pk>/refund/": Row(
        ADMINS, of=Charge, right_first=True, post=303, form=with_key(reason="by mistake")
    ),
    "top-up-requests/": Row(READERS),
    # A request of everybody's waits, and there is one at a time.
    "top-up-requests/new": Row(KEEPERS, post=422, form=with_key(amount="5"), refused_by_act=ADMINS),
    "top-up-requests/<int:pk>/approval/": answers_request(KEEPERS, form=with_key()),
    "top-up-requests/<int:pk>/refusal/": answers_request(KEEPERS, form=typed(reason="unpaid")),
    "top-up-requests/<int:pk>/cancellation/": Row(KEEPERS, of=OwnTopUp, acts=True, right_first=True, post=303),
    "exposure/": Row(ADMINS),
    "exposure/export": Row(ADMINS, recorded=True),
    "resellers/<int:pk>/branding/": admin_acts_on_reseller(form=typed(colour="#facc15")),
    # All of them may have branding, and none has a domain yet.
    "resellers/<int:pk>/branding/allowance/": admin_acts_on_reseller(post=422),
    "resellers/<int:pk>/branding/withdrawal/": admin_acts_on_reseller(),
    "resellers/<int:pk>/branding/domain/": admin_acts_on_reseller(form=typed(name="panel.example.com")),
    "resellers/<int:pk>/branding/domain/check/": admin_acts_on_reseller(get=405),
    "resellers/<int:pk>/branding/domain/release/": admin_acts_on_reseller(post=422),
    "resellers/<int:pk>/seats/": acts_on_reseller(KEEPERS - BORROWED, form=typed(reason="to help")),
    "resellers/<int:pk>/initial-password/": acts_on_reseller(
        KEEPERS - BORROWED, post=200, form=typed(own_password=PASSWORD)
    ),
    "resellers/<int:pk>/username/": admin_acts_on_reseller(form=typed(**A_NAME)),
    "resellers/<int:pk>/password/": admin_acts_on_reseller(form=typed(**FOR_SOMEBODY)),
    "resellers/<int:pk>/two-step-reset/": admin_acts_on_reseller(post=422, form=typed(**CONFIRMED)),
    "staff/<int:pk>/username/": admin_acts_on_staff(form=typed(**A_NAME)),
    "staff/<int:pk>/two-step-reset/": admin_acts_on_staff(post=422, form=typed(**CONFIRMED)),
    "resellers/<int:pk>/staff/": Row(KEEPERS, of=Reseller),
    "staff/": Row(KEEPERS),
    "staff/new": Row(KEEPERS - BORROWED, post=303, form=a_new_staff_login),
    "staff/<int:pk>/edit/": acts_on_staff(KEEPERS, form=an_edited_staff_login),
    "staff/<int:pk>/password/": acts_on_staff(KEEPERS - BORROWED, form=typed(**FOR_SOMEBODY)),
    "staff/<int:pk>/initial-password/": acts_on_staff(KEEPERS - BORROWED, post=200, form=typed(own_password=PASSWORD)),
    "staff/<int:pk>/removal/": acts_on_staff(KEEPERS),
    "staff/<int:pk>/restoration/": acts_on_staff(KEEPERS),
    "resellers/<int:pk>/suspension/": acts_on_reseller(KEEPERS, form=typed(reason="unpaid")),
    # What is not suspended, not empty or not deleted is answered with why it cannot be done.
    "resellers/<int:pk>/resumption/": acts_on_reseller(KEEPERS, post=422),
    "resellers/<int:pk>/deletion/": acts_on_reseller(KEEPERS, post=422),
    "resellers/<int:pk>/restoration/": Row(frozenset({ADMIN}), of=Reseller, right_first=True, post=422),
    "resellers/<int:pk>/purge/": Row(frozenset({ADMIN}), of=Reseller, right_first=True, post=422),
    "resellers/<int:pk>/address-test/": Row(frozenset({ADMIN}), of=Reseller, right_first=True),
    "subscribers/": Row(READERS_OF_LINES),
    "renewals/": Row(READERS_OF_LINES),
    "subscribers/new": Row(KEEPERS, post=303, form=a_new_line),
    "subscribers/<int:pk>/": Row(READERS_OF_LINES, of=Subscriber),
    "subscribers/<int:pk>/edit/": acts_on_line(KEEPERS, form=typed(full_name="Renamed")),
    "subscribers/<int:pk>/renewals/": acts_on_line(KEEPERS, form=with_key()),
    "subscribers/export.csv": Row(KEEPERS, recorded=True),
    "subscribers/imports/": Row(KEEPERS),
    "subscribers/imports/new": Row(KEEPERS, post=303, form=a_file),
    "subscribers/imports/template.csv": Row(KEEPERS),
    "subscribers/imports/<int:pk>/": Row(KEEPERS, of=SubscriberImport, right_first=True),
    "subscribers/imports/<int:pk>/checks/": acts_on_import(
        post=303, form=typed(column_0="username", column_1="plan", charging="charge")
    ),
    # It was not checked yet, and nothing is wrong with it; nor were passwords generated.
    "subscribers/imports/<int:pk>/commits/": acts_on_import(get=405, post=422, form=typed(number="0")),
    "subscribers/imports/<int:pk>/errors.csv": acts_on_import(get=404),
    "subscribers/imports/<int:pk>/passwords.csv": acts_on_import(get=405, post=404),
    # A plan that was not looked over is shown with its arithmetic, and nothing is done.
    "subscribers/<int:pk>/plan-changes/": acts_on_line(KEEPERS, post=200, form=another_plan),
    # No data is sold on top of the plan Home.
    "subscribers/<int:pk>/data-top-ups/": acts_on_line(KEEPERS, post=422, form=with_key()),
    "subscribers/<int:pk>/price/": acts_on_line(KEEPERS, form=typed(retail_price="5")),
    "subscribers/<int:pk>/move/": acts_on_line(KEEPERS, form=to_own_panel),
    "subscribers/<int:pk>/suspension/": acts_on_line(KEEPERS),
    # What is neither suspended nor throttled, and without its username, is answered with why it cannot be done.
    "subscribers/<int:pk>/resumption/": acts_on_line(KEEPERS, post=422),
    "subscribers/<int:pk>/termination/": acts_on_line(KEEPERS, post=422, form=typed(typed_username="x")),
    "subscribers/<int:pk>/disconnection/": acts_on_line(KEEPERS | {SUPPORT}),
    "subscribers/<int:pk>/fup-reset/": acts_on_line(KEEPERS | {SUPPORT}, post=422),
    "subscribers/bulk/renewal/": Row(KEEPERS, post=303, form=picked()),
    "subscribers/bulk/suspension/": Row(KEEPERS, post=303, form=picked()),
    "subscribers/bulk/resumption/": Row(KEEPERS, post=303, form=picked()),
    "subscribers/bulk/plan-change/": Row(KEEPERS, post=200, form=picked_for_home),
    "subscribers/bulk/move/": Row(KEEPERS, post=303, form=picked_and_kept),
    "subscribers/bulk/<int:pk>/": Row(READERS_OF_LINES, of=BulkAct),
}


def expected(row: Row, kind: str, method: str, relation: str | None) -> int:
    """Return the status that the table gives this request."""
    answers = {"get": row.get, "post": row.post}
    if kind == ANONYMOUS:
        for_strangers = dict(zip(("get", "post"), row.strangers or (), strict=False))
        return for_strangers.get(method, 405) if row.strangers else 302
    if row.at_desk:
        return expected_at_desk(row, kind, answers.get(method, 405), relation)
    is_seen = row.of is None or relation in SEES[row.of][kind]
    if not is_seen and not row.right_first:
        return 404
    if kind not in row.who:
        return 403
    if not is_seen:
        return 404 if answers.get(method, 405) != 405 else 405
    if row.acts and row.of and relation not in ACTS[row.of][kind]:
        # Where the permission is asked for first, the view itself looks at whose it is, after the method.
        return 405 if row.right_first and answers.get(method, 405) == 405 else 403
    if kind in row.refused_by_act and answers.get(method, 405) != 405:
        return 403
    if method == "post" and kind not in BORROWED and row.post_in_own_panel:
        return row.post_in_own_panel
    return answers.get(method, 405)


def expected_at_desk(row: Row, kind: str, answer: int, relation: str | None) -> int:
    """Return what Django admin answers: the whole system is one scope there."""
    if kind not in AT_DESK:
        return 404
    if answer == 405:
        return 405
    if kind not in row.who:
        return 404 if row.of else row.refusal
    return 404 if relation == ABSENT else answer


# --- the world --------------------------------------------------------------------------------------------------------


@dataclass
class World:
    """One login of each kind, and the objects that they ask for."""

    asha: User
    resellers: dict[str, Reseller]
    lines: dict[int, Subscriber]
    nas: dict[int, Nas]
    staff: dict[int, User]
    fundings: dict[int, int]
    charges: dict[int, int]
    invoices: dict[int, int]
    credit_notes: dict[int, int]
    requests: dict[int, int]
    tokens: dict[int, int]
    imports: dict[int, int]
    bulk_acts: dict[int, int]
    logins: dict[str, User]
    home: Plan
    withdrawn: Plan
    spare: PermissionGroup
    services: ServiceGroup
    sessions: dict[str, str] = field(default_factory=dict)

    #: Whose panel each kind is in.
    PANELS = {
        NO_GROUP: "north", STAFF: "north", ADMIN_AS: "north", SUB: "northeast", PARENT_AS: "northeast",
        SALES: "sales", SALES_PLUS: "plus", SUPPORT: "support", PARTNER: "partner",
    }  # fmt: skip

    def panel_of(self, kind: str) -> Reseller:
        return self.resellers[self.PANELS.get(kind, "south")]

    def related(self, kind: str) -> dict[str, Reseller]:
        """Return the resellers by what they are to this kind of login."""
        own = self.PANELS.get(kind)
        found = {FOREIGN: self.resellers["south"]}
        if own == "northeast":
            found |= {PARENT: self.resellers["north"], SIBLING: self.resellers["northwest"]}
        elif own:
            found[CHILD] = self.resellers["northeast" if own == "north" else f"{own}'s sub"]
        return found | ({OWN: self.resellers[own]} if own else {})

    def objects(self, model: type[Model], kind: str) -> dict[str, int]:
        """Return the ids of the model's objects by what they are to this kind of login."""
        if model in (Plan, SoldPlan):
            return {OWN: self.home.pk, FOREIGN: self.withdrawn.pk, ABSENT: 987654}
        if model in (Template, Rule, Message):
            return {FOREIGN: model._default_manager.earliest("pk").pk, ABSENT: 987654}
        if model is Level:
            return {FOREIGN: Level.objects.get(name="GOLD").pk, ABSENT: 987654}
        if model is ServiceGroup:
            return {FOREIGN: self.services.pk, ABSENT: 987654}
        if model is PermissionGroup:
            return {FOREIGN: self.spare.pk, ABSENT: 987654}
        related = self.related(kind)
        if model is User:
            return {relation: reseller.user_id for relation, reseller in related.items()} | {ABSENT: 987654}
        if model is Reseller:
            return {relation: reseller.pk for relation, reseller in related.items()} | {ABSENT: 987654}
        if model is Person:
            return {FOREIGN: self.logins[PETRA].pk, ABSENT: 987654}
        if model is StaffLogin:
            return {relation: self.staff[reseller.pk].pk for relation, reseller in related.items()} | {ABSENT: 987654}
        if model is LedgerAccount:
            return {relation: reseller.wallet_id for relation, reseller in related.items()} | {ABSENT: 987654}
        if model is Subscriber:
            return {relation: self.lines[reseller.pk].pk for relation, reseller in related.items()} | {ABSENT: 987654}
        if model is Nas:
            return {relation: self.nas[reseller.pk].pk for relation, reseller in related.items()} | {ABSENT: 987654}
        ids = {
            Transfer: self.fundings,
            Funding: self.fundings,
            Charge: self.charges,
            Invoice: self.invoices,
            CreditNote: self.credit_notes,
            SubscriberImport: self.imports,
            TopUpRequest: self.requests,
            OwnTopUp: self.requests,
            ApiToken: self.tokens,
            BulkAct: self.bulk_acts,
        }
        if model in ids:
            return {relation: ids[model][reseller.pk] for relation, reseller in related.items()} | {ABSENT: 987654}
        if model is AuditEntry:
            rows = {
                relation: AuditEntry.objects.filter(reseller_id=of.pk).earliest("pk")
                for relation, of in related.items()
            }
            return {relation: row.pk for relation, row in rows.items()} | {ABSENT: 987654}
        pytest.fail(f"Say in World.objects which {model.__name__} is whose.")


@pytest.fixture
def world(db: None) -> World:
    asha = make_admin()
    make = partial(make_reseller, now=timezone.now())  # so that the initial passwords are there to be revealed
    resellers = {name: make(asha, name, f"{name.title()} Net") for name in ("north", "south")}
    plus = PermissionGroup.objects.create(name="PLUS", codes=[*group("SALES").codes, "subscribers.view_all"])
    groups = {name: group(name.upper()) for name in ("sales", "support", "partner")} | {"plus": plus}
    for name, wanted in groups.items():
        resellers[name] = make(asha, name, f"{name.title()} Net", permission_group=wanted)
    looks_on = PermissionGroup.objects.create(name="LOOKS ON", codes=["subscribers.view"], available_to_subs=True)
    of_subs = {"support": group("SUPPORT"), "partner": looks_on}
    parents = {"northeast": "north", "northwest": "north"} | {f"{name}'s sub": name for name in resellers}
    for number, (name, parent) in enumerate(parents.items()):
        resellers[name] = make(
            asha,
            f"sub{number}",
            name,
            parent=resellers[parent],
            permission_group=of_subs.get(parent, group("SALES")),
        )
    PanelSettings.objects.update(logo=kept_picture(a_logo()))
    Reseller.objects.update(has_branding=True)
    home, withdrawn = make_plan(), make_plan("Withdrawn", is_on_sale=False)
    lines, nas, staff, fundings, charges, requests, tokens, files, bulk_acts = {}, {}, {}, {}, {}, {}, {}, {}, {}
    invoices, credit_notes = {}, {}
    for name, reseller in resellers.items():
        fund(reseller.wallet, "1000", actor=asha)
        lines[reseller.pk] = Subscriber.objects.create(
            username=f"line.of.{reseller.user.username}", plan=home, reseller=reseller, password_ciphertext=b"x",
            full_name=name, created_at=NOW, updated_at=NOW,
        )  # fmt: skip
        nas[reseller.pk] = add_nas(asha, f"NAS of {name}", f"192.0.2.{len(nas) + 1}")
        limit(reseller, nas[reseller.pk])
        if reseller.parent:
            reseller.parent.nas_devices.add(nas[reseller.pk])
        fund(reseller.wallet, "5", actor=asha)
        fundings[reseller.pk] = reseller.wallet.entries.latest("pk").transfer_id
        credited, sold = (
            renew_subscriber(actor=seat_of(asha), subscriber_id=lines[reseller.pk].pk, now=timezone.now())
            for _period in range(2)
        )
        charges[reseller.pk] = sold.transfer_id
        invoices[reseller.pk] = sold.invoice.pk
        credit_notes[reseller.pk] = CreditNote.objects.create(
            invoice=credited.invoice, renewal=credited, amount=1, reason="x", issued_at=NOW
        ).pk
        requests[reseller.pk] = TopUpRequest.objects.create(
            reseller=reseller, amount=5, asked_by=reseller.user.username, created_at=NOW
        ).pk
        tokens[reseller.pk] = ApiToken.objects.create(
            owner=reseller.user,
            name="Shop",
            scope=TokenScope.RESELLER,
            digest=str(reseller.pk).encode(),
            prefix="isp_",
            created_at=timezone.now(),
            expires_at=timezone.now() + timedelta(days=30),
        ).pk
        files[reseller.pk] = imports.upload_file(
            actor=seat_of(reseller.user), reseller=reseller, file_name=name, content=b"username,plan\nx,Home\n", now=NOW
        ).pk
        bulk_acts[reseller.pk] = BulkAct.objects.create(
            kind=BulkKind.SUSPENSION, reseller=reseller, actor_name="x", created_at=NOW, outcomes=[]
        ).pk
        staff[reseller.pk] = make_staff(asha, reseller, f"staff.of.{reseller.pk}", group("SUPPORT"), now=timezone.now())
    Message.objects.create(
        event="expired", key="1", way="email", recipient="a@b.example", status=Status.FAILED, tries_left=0,
        next_try_at=NOW, created_at=NOW, asked_at=NOW, closed_at=NOW,
    )  # fmt: skip
    logins = {kind: resellers[World.PANELS[kind]].user for kind in (NO_GROUP, SALES, SALES_PLUS, SUPPORT, PARTNER, SUB)}
    logins |= {ADMIN: asha, ADMIN_AS: asha, PARENT_AS: resellers["north"].user, PETRA: make_support(asha)}
    logins[PAVEL] = make_support(asha, "pavel", group("SALES"))
    logins[STAFF] = make_staff(asha, resellers["north"], "clerk", group("SALES"))
    spare, services = PermissionGroup.objects.create(name="Spare", codes=[]), ServiceGroup.objects.create(name="Spare")
    made = (lines, nas, staff, fundings, charges, invoices, credit_notes, requests, tokens, files, bulk_acts)
    return World(asha, resellers, *made, logins, home, withdrawn, spare, services)


def client_of(world: World, kind: str) -> Client:
    """Return a client signed in as this kind of login, in the other's panel where it is there as somebody else."""
    client = Client()
    if kind != ANONYMOUS:
        client.force_login(world.logins[kind])
    if kind in BORROWED:
        entered = client.post(f"/resellers/{world.panel_of(kind).pk}/seats/", {"reason": "to see"})
        assert entered.status_code == 303
    return client


# --- asking -----------------------------------------------------------------------------------------------------------

#: Of the tables themselves: what was shipped is kept beside them, in tables of the same names.
WRITES = """
    SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables
    WHERE schemaname = 'public' AND relname <> ALL(%s)
"""
#: Written by requests that are refused too: that they came, and what was guessed wrong.
BESIDES = ["sessions", "failure_counts"]


def writes() -> dict[str, int]:
    """Return how many rows this transaction has written to each table but those of `BESIDES`; also what was undone."""
    with connection.cursor() as cursor:
        cursor.execute(WRITES, [BESIDES])
        return dict(cursor.fetchall())


@dataclass
class Answer:
    response: HttpResponse
    wrote: dict[str, int]
    last_action: str


def ask(client: Client, method: str, url: str, form: dict[str, Any]) -> Answer:
    """Ask, see what is answered and written, and undo it."""
    cookies = client.cookies.copy()
    before = writes()
    undone = transaction.atomic()
    undone._from_testcase = True  # As around every test: an act may begin a transaction that has to be the outermost.
    with undone:
        response = getattr(client, method)(url, form if method == "post" else None)
        after = writes()
        last = AuditEntry.objects.order_by("-pk").values_list("action", flat=True).first() or ""
        transaction.set_rollback(True)
    client.cookies = cookies
    wrote = {table: count - before.get(table, 0) for table, count in after.items() if count != before.get(table, 0)}
    return Answer(response, wrote, last)


def walk(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every address with its view."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


URLS = dict(walk(get_resolver().url_patterns))


def same_for_all(response: HttpResponse, pk: int) -> tuple[int, str, str]:
    """Return the answer without what differs on every one: ids, the CSRF token, and the minutes left in a seat."""
    page = re.sub(r"\d+ min left", "MINUTES", response.getvalue().decode(errors="replace"))
    page = re.sub(r"[0-9a-f]{32}", "REQUEST", re.sub(r"\b[A-Za-z0-9]{64}\b", "TOKEN", page))
    return response.status_code, page.replace(f"/{pk}/", "/PK/"), response.headers.get("Location", "").replace(
        f"/{pk}/", "/PK/"
    )  # fmt: skip


# --- the tests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", URLS)
def test_every_view_declares_who_may_reach_it(route: str) -> None:
    assert isinstance(getattr(URLS[route], "policy", None), Policy), f"/{route} is behind no policy of accounts.access"


def test_every_address_stands_in_the_table() -> None:
    missing, gone = sorted(URLS.keys() - ROWS.keys()), sorted(ROWS.keys() - URLS.keys())

    assert not missing, f"Add to ROWS in tests/test_access.py who may reach {missing}, and what they are answered."
    assert not gone, f"There is no such address any more; take it out of ROWS in tests/test_access.py: {gone}"


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_gets_what_the_table_says_and_no_hint_of_more(
    world: World, kind: str, record_property: Callable[[str, object], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "django.request")
    client = client_of(world, kind)
    wrong, checked = [], 0

    for route, row in ROWS.items():
        targets: dict[str, int] = world.objects(row.of, kind) if row.of else {"": 0}
        for method in METHODS:
            answers = {}
            for relation, pk in targets.items():
                form = row.form(world, kind) if row.form else {}
                answer = ask(client, method, address_of(route, row, pk), form)
                status = expected(row, kind, method, relation)
                answers[relation] = same_for_all(answer.response, pk)
                found = problems(answer, status, method, recorded=row.recorded)
                wrong += [f"{method} /{route} {relation}: {problem}" for problem in found]
                checked += 1
            for relation in hidden_from(kind, row) & answers.keys():
                if answers[relation] != answers[ABSENT]:
                    wrong.append(f"{method} /{route} {relation}: is answered otherwise than what does not exist")

    record_property("requests", checked)
    assert not wrong, "\n".join([f"As {kind}:", *wrong])


def address_of(route: str, row: Row, pk: int) -> str:
    address = re.sub("<(int:pk|path:object_id)>", str(pk), row.address or route)
    return "/" + address.replace("<uuid:public_id>", str(NOBODYS))


def hidden_from(kind: str, row: Row) -> frozenset[str]:
    """Return what must look to this kind of login as if it did not exist."""
    if row.of is None:
        return NONE
    if row.at_desk:
        return NONE if kind in row.who else ALL
    return ALL if kind == ANONYMOUS else ALL - SEES[row.of][kind]


def problems(answer: Answer, status: int, method: str, *, recorded: bool) -> Iterator[str]:
    """Yield what is wrong with the answer: its status, or what it wrote."""
    if answer.response.status_code != status:
        yield f"{answer.response.status_code} instead of {status}"
    if status == 403 and (answer.wrote != {"audit_entries": 1} or answer.last_action != Action.REFUSED):
        yield f"the refusal wrote {answer.wrote or 'nothing'}, not its one audit row"
    if method == "get" and status == 200 and recorded:
        if answer.wrote != {"audit_entries": 1}:
            yield f"it wrote {answer.wrote or 'nothing'}, not its one audit row"
    elif (status in (404, 405, 422) or method == "get") and status != 403 and answer.wrote:
        yield f"it wrote {answer.wrote}"


def test_partner_is_among_nobody_who_changes_anything() -> None:
    sign_ins = {route for route in ROWS if route.startswith("account/sign-ins/")}
    own_login = sign_ins | {"account/password/", "sign-out/", "seat/leave/", "sign-in/", "health/live", "health/ready"}
    own_login.add("graphql")
    own_login |= {"account/username/", "account/contact/"}
    own_login |= {"password/forgotten/", "password/forgotten/code/", "password/new/"}
    own_login |= {route for route in ROWS if route.startswith("account/api-tokens/")}
    own_login |= {"sign-in/two-step/", "account/two-step/", "account/two-step/off/", "account/two-step/codes/"}

    assert not [
        route for route, row in ROWS.items() if PARTNER in row.who and row.post != 405 and route not in own_login
    ]
