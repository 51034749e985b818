"""The pages about resellers: list, hand-over, tabs, create and edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, requires
from accounts.models import InitialPassword
from accounts.operations import check_names_are_free, fold_username
from accounts.views.acts import saved
from audit.actions import Action
from audit.exports import export_rows
from audit.models import AuditEntry, kind_of
from ispanel.csv_export import csv_response
from ispanel.http import done, render_form, render_list, wants
from ispanel.installation import currency, time_zone
from ispanel.lists import filter_context, page_of
from ispanel.money import with_code
from ispanel.refusals import Refusal, refusals_into
from network.models import Nas
from resellers import operations
from resellers.forms import (
    VIEWS,
    ResellerCreateForm,
    ResellerEditForm,
    ResellerListForm,
    create_form_for,
    edit_form_for,
    held_back_into,
    terms_of_level,
)
from resellers.models import LOW_ON_BALANCE, OVER_LIMIT, SUSPENDED, Reseller
from wallet.exports import ENTRY_COLUMNS, entry_cells
from wallet.forms import EntryListForm
from wallet.models import Entry, LedgerAccount
from wallet.trail import whose_trail

#: How many NAS devices that are away a reseller's page names.
NAMED = 5


@requires("resellers.view")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the resellers that the seat sees, its own apart."""
    form = ResellerListForm(request.GET)
    rows = Reseller.objects.visible_to(request.seat)
    if request.seat.reseller:
        rows = rows.exclude(pk=request.seat.reseller.pk)
    kept = Q(deleted_at__isnull=True)
    counts = form.searched(rows).aggregate(
        all=Count("pk", filter=kept),
        top=Count("pk", filter=kept & Q(parent__isnull=True)),
        subs=Count("pk", filter=kept & Q(parent__isnull=False)),
        low=Count("pk", filter=kept & LOW_ON_BALANCE),
        over=Count("pk", filter=kept & OVER_LIMIT),
        suspended=Count("pk", filter=kept & SUSPENDED),
        deleted=Count("pk", filter=~kept & Q(purged_at__isnull=True)),
    )
    has_levels = counts["top"] and counts["subs"]
    left_out = set() if has_levels else {"top", "subs"}
    if not request.seat.is_admin:
        left_out.add("deleted")
    tabs = [(key, label, counts[key or "all"]) for key, label in VIEWS if key not in left_out]
    context = {
        "form": form,
        "tabs": tabs,
        "view": form.value("view") or "",
        "total": counts["all"],
        "has_any": counts["all"] or counts["deleted"],
        "page_obj": page_of(request, form.apply(rows.for_list())),
        "created": created_just_now(request),
    }
    return render_list(request, "resellers/list.html", context)


def created_just_now(request: SignedInRequest) -> Reseller | None:
    """Return the reseller whose hand-over card the list shows."""
    pk = request.GET.get("created", "")
    if not pk.isascii() or not pk.isdecimal() or len(pk) > 18:
        return None
    return Reseller.objects.actable_by(request.seat).select_related("user").filter(pk=int(pk)).first()


@requires("resellers.create")
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Take on a reseller: an admin any, a top-level reseller its own sub-resellers."""
    seat = request.seat
    if not seat.is_admin:
        operations.own_reseller_as_parent(seat)
    if wants(request, "username-note"):
        return HttpResponse(escape(note_on_username(request.GET.get("username", ""))))
    if wants(request, "level-terms") and seat.is_admin:
        return fill_in(request)
    form = create_form_for(seat)(request.POST or None, seat=seat, initial={"parent": request.GET.get("parent")})
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            reseller = operations.create_reseller(
                actor=seat, key=form.key_of_creation(), now=timezone.now(), **form.contents()
            )
            message = _("%(name)s is created.") % {"name": reseller.public_name}
            return done(request, message, to=f"{reverse('resellers:list')}?created={reseller.pk}")
    return render_form(request, "resellers/form.html", {"form": form})


def fill_in(request: SignedInRequest) -> HttpResponse:
    """Answer with the fields that a level fills in, filled in."""
    level = ResellerCreateForm(seat=request.seat, initial={"level": request.GET.get("level")}).chosen_level
    form = ResellerCreateForm(seat=request.seat, initial=terms_of_level(level))
    return render(request, "resellers/form.html#filled_in", {"form": form, "swaps": True})


def note_on_username(typed: str) -> str:
    """Return what is wrong with a username, or that it is free."""
    try:
        username = fold_username(typed)
        check_names_are_free(username, username if "@" in username else None)
    except Refusal as refusal:
        return str(refusal)
    return _("“%(name)s” is free.") % {"name": username}


EDITABLE = (
    "company_name",
    "display_name",
    "address",
    "tax_line",
    "invoice_prefix",
    "permission_group",
    "identity_verified_at",
    "identity_verified_by",
    "agreement_signed_at",
    "agreement_reference",
    "parent",
    "allowed_ips",
    "wan_check",
)


def details_of(reseller: Reseller) -> dict[str, Any]:
    """Return what the edit form starts with."""
    user = reseller.user
    return {
        **{name: getattr(reseller, name) for name in EDITABLE},
        "seen": operations.state_of(reseller),
        "email": user.email or "",
        "phone": user.phone,
        "full_name": user.full_name,
        "credit_limit": f"{reseller.wallet.credit_limit:f}".rstrip("0").rstrip("."),
    }


@requires("resellers.edit", of=Reseller)
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Change a reseller's details."""
    form = edit_form_for(request.seat)(request.POST or None, seat=request.seat, initial=details_of(reseller))
    if request.method == "POST" and form.is_valid():
        asked = form.consent() if isinstance(form, ResellerEditForm) else {}
        with refusals_into(form), held_back_into(form):
            edited = operations.edit_reseller(
                actor=request.seat,
                reseller_id=reseller.pk,
                seen=form.cleaned_data["seen"],
                may_shut_out=form.cleaned_data.get("may_shut_out", False),
                now=timezone.now(),
                **asked,
                **form.changes(),
            )
            old_email = reseller.user.email if {"email", "phone"} & set(form.changed_data) else None
            sentences = [saved(old_email), note_on_limit(edited) if "credit_limit" in form.changed_data else ""]
            return done(request, " ".join(filter(None, sentences)), to=reverse("resellers:detail", args=[reseller.pk]))
    return render_form(request, "resellers/form.html", {"form": form, "reseller": reseller})


def note_on_limit(reseller: Reseller) -> str:
    """Return what it means that a credit limit was set below the debt, or nothing where it was not."""
    wallet = reseller.wallet
    if not wallet.is_over_limit:
        return ""
    return _("%(name)s owes more than that: charges are refused until %(missing)s come in.") % {
        "name": reseller.public_name,
        "missing": with_code(-wallet.available, currency()),
    }


def tab_context(request: SignedInRequest, reseller: Reseller, tab: str) -> dict[str, Any]:
    """Return what the head of every tab shows."""
    seat = request.seat
    return {
        "reseller": Reseller.objects.for_page().get(pk=reseller.pk),
        "tab": tab,
        "is_own": seat.reseller is not None and seat.reseller.pk == reseller.pk,
    }


@requires("resellers.view", of=Reseller)
@require_GET
def detail(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Show who the reseller is and on what terms."""
    context = tab_context(request, reseller, "overview") | {
        "level_since": level_since(reseller),
        "service_groups": reseller.service_groups.order_by("name"),
        "nas_devices": reseller.nas_devices.order_by("name") if reseller.nas_is_limited else None,
    }
    context["has_initial_password"] = (
        not reseller.is_deleted
        and operations.may_reveal_password_of(request.seat, reseller)
        and InitialPassword.objects.in_force(timezone.now()).filter(user_id=reseller.user_id).exists()
    )
    if request.seat.is_admin and context["reseller"].wan_check_is_on:
        context["wan"] = wan_check_of(reseller)
    return render(request, "resellers/detail.html", context)


def level_since(reseller: Reseller) -> datetime | None:
    """Return when the reseller was given its level, as its trail tells; None where it has none."""
    if reseller.level_id is None:
        return None
    given = AuditEntry.objects.about(kind_of(reseller), reseller.pk).filter(
        action__in=[Action.RESELLER_CREATED, Action.RESELLER_LEVEL_CHANGED], changes__has_key="level"
    )
    return given.order_by("-id").values_list("at", flat=True).first() or reseller.created_at


def wan_check_of(reseller: Reseller) -> dict[str, Any]:
    """Return what the WAN check found last: how many of the NAS devices that it uses there are, and which are away."""
    devices = Nas.objects.used_by(Reseller.objects.filter(pk=reseller.pk))
    counts = devices.aggregate(
        all=Count("pk"), reachable=Count("pk", filter=Q(is_reachable=True)), probed_at=Max("probed_at")
    )
    return counts | {"unreachable": devices.unreachable().order_by("name")[:NAMED]}


@requires("transactions.view", of=Reseller)
@require_GET
def transactions(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """List the wallet's entries with the running balance."""
    context = tab_context(request, reseller, "transactions")
    wallet, form = context["reseller"].wallet, EntryListForm(request.GET)
    if not wallet.is_visible_to(request.seat):
        raise Http404
    page = page_of(request, form.apply(Entry.objects.of(wallet)))
    export_url = reverse("resellers:transactions_export", args=[reseller.pk])
    context |= {"page_obj": page, **filter_context(request, form, export_url)}
    return render_list(request, "resellers/transactions.html", context)


@requires("transactions.view", of=Reseller)
@require_GET
def transactions_export(request: SignedInRequest, reseller: Reseller) -> StreamingHttpResponse:
    """Send the entries that the Transactions tab's filters leave as a CSV file, and record that."""
    now, zone, seat = timezone.now(), time_zone(), request.seat
    wallet = get_object_or_404(LedgerAccount.objects.visible_to(seat), pk=reseller.wallet_id)
    form = EntryListForm(request.GET)
    rows = export_rows(
        actor=seat,
        action=Action.TRANSACTIONS_EXPORTED,
        rows=form.apply(Entry.objects.of(wallet)),
        filters=form.words(),
        **whose_trail(wallet, seat),
        now=now,
    )
    name = f"transactions-{reseller.pk}-{now.astimezone(zone):%Y-%m-%d}"
    return csv_response(name, list(map(str, ENTRY_COLUMNS)), map(entry_cells(currency()), rows), zone=zone)


@requires("transactions.view")
@require_GET
def own_transactions(request: SignedInRequest) -> HttpResponse:
    """Lead to the own wallet's transactions; an admin, who has no wallet, to the list of resellers."""
    if request.seat.reseller is None:
        return redirect("resellers:list")
    return redirect("resellers:transactions", pk=request.seat.reseller.pk)


@requires("resellers.view", of=Reseller)
@require_GET
def subs(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """List the reseller's sub-resellers."""
    rows = Reseller.objects.visible_to(request.seat).kept().filter(parent=reseller).for_list()
    context = tab_context(request, reseller, "subs")
    context["may_add_sub"] = request.seat.has("resellers.create") and (request.seat.is_admin or context["is_own"])
    context["page_obj"] = page_of(request, rows.order_by("company_name", "id"))
    return render_list(request, "resellers/subs.html", context)


@requires("subscribers.view", of=Reseller)
@require_GET
def subscribers(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """List the reseller's subscribers, as far as the seat sees them."""
    rows = reseller.subscribers.visible_to(request.seat).kept().for_list()
    context = tab_context(request, reseller, "subscribers")
    context["page_obj"] = page_of(request, rows.order_by("-id"))
    return render_list(request, "resellers/subscribers.html", context)


@requires("audit.view", of=Reseller)
@require_GET
def audit_trail(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """List what was done to the reseller and in its panel."""
    rows = AuditEntry.objects.visible_to(request.seat).filter(reseller_id=reseller.pk)
    context = tab_context(request, reseller, "audit")
    context["page_obj"] = page_of(request, rows.order_by("-id"))
    return render_list(request, "resellers/audit_trail.html", context)
