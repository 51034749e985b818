"""Acts on many subscribers: each is looked over on a page of its own first, and its outcome has a page too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, requires
from ispanel.http import done, render_form
from ispanel.lists import query_without
from ispanel.refusals import refusals_into
from subscribers import operations
from subscribers.forms import (
    BulkForm,
    BulkMoveForm,
    BulkPlanChangeForm,
    BulkRenewalForm,
    BulkSuspensionForm,
    Selection,
    sealed_changes,
)
from subscribers.models import BulkAct, Subscriber
from subscribers.operations import Lines, TooManyAtOnce
from subscribers.previews import (
    lines_among,
    preview_of_check,
    preview_of_moves,
    preview_of_plan_changes,
    preview_of_renewals,
)

#: Returns what the page shows of an act on these lines: its ``preview``, and whatever else its template wants.
LookOver = Callable[[Lines], dict[str, Any]]


@requires("subscribers.renew")
@require_http_methods(["GET", "POST"])
def renewal(request: SignedInRequest) -> HttpResponse:
    """Renew the subscribers that were picked, as far as the wallets go."""
    form = BulkRenewalForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            act = operations.renew_many(
                actor=request.seat,
                subscriber_ids=form.cleaned_data["ids"],
                agreed_total=form.cleaned_data["agreed_total"],
                key=form.key("renew_many", form.contents()),
                now=timezone.now(),
            )
            return done(request, "", to=page_of(act))

    def look_over(lines: Lines) -> dict[str, Any]:
        return {"preview": preview_of_renewals(lines, timezone.now())}

    return render_bulk(request, "subscribers/bulk/renewal.html", form, look_over)


@requires("subscribers.edit")
@require_http_methods(["GET", "POST"])
def suspension(request: SignedInRequest) -> HttpResponse:
    """Suspend the subscribers that were picked."""
    form = BulkSuspensionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            act = operations.suspend_many(
                actor=request.seat,
                subscriber_ids=form.cleaned_data["ids"],
                reason=form.cleaned_data["reason"],
                key=form.key("suspend_many", form.contents()),
                now=timezone.now(),
            )
            return done(request, "", to=page_of(act))

    def look_over(lines: Lines) -> dict[str, Any]:
        return {"preview": preview_of_check(lines, operations.check_suspendable)}

    return render_bulk(request, "subscribers/bulk/suspension.html", form, look_over)


@requires("subscribers.edit")
@require_http_methods(["GET", "POST"])
def resumption(request: SignedInRequest) -> HttpResponse:
    """Resume the subscribers that were picked."""
    form = BulkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            act = operations.resume_many(
                actor=request.seat,
                subscriber_ids=form.cleaned_data["ids"],
                key=form.key("resume_many", form.contents()),
                now=timezone.now(),
            )
            return done(request, "", to=page_of(act))

    def look_over(lines: Lines) -> dict[str, Any]:
        return {"preview": preview_of_check(lines, operations.check_resumable)}

    return render_bulk(request, "subscribers/bulk/resumption.html", form, look_over)


@requires("subscribers.change_plan")
@require_http_methods(["GET", "POST"])
def plan_change(request: SignedInRequest) -> HttpResponse:
    """Put the subscribers that were picked on another plan, once it was shown what that costs."""
    form = BulkPlanChangeForm(request.POST or None, seat=request.seat)
    if request.method == "POST" and form.is_valid() and (agreed := form.agreed()):
        shown_at, total = agreed
        with refusals_into(form):
            act = operations.change_plan_of_many(
                actor=request.seat,
                subscriber_ids=form.cleaned_data["ids"],
                plan=form.cleaned_data["to_plan"],
                shown_at=shown_at,
                agreed_total=total,
                key=form.key("change_plan_of_many", form.contents()),
                now=timezone.now(),
            )
            return done(request, "", to=page_of(act))
    asked = request.POST or request.GET
    plan = form.chosen("to_plan", asked)

    def look_over(lines: Lines) -> dict[str, Any]:
        if plan is None:
            return {}
        at = timezone.now()
        preview = preview_of_plan_changes(lines, plan, at)
        return {"preview": preview, "shown": sealed_changes(list(lines), plan, at, preview.total)}

    most = operations.CHANGES_AT_MOST
    asked_for = choice("to_plan", plan, asked)
    return render_bulk(request, "subscribers/bulk/plan_change.html", form, look_over, most=most, **asked_for)


@requires("subscribers.change_owner")
@require_http_methods(["GET", "POST"])
def move(request: SignedInRequest) -> HttpResponse:
    """Give the subscribers that were picked to another reseller."""
    form = BulkMoveForm(request.POST or None, seat=request.seat)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            act = operations.move_many(
                actor=request.seat,
                subscriber_ids=form.cleaned_data["ids"],
                to=form.cleaned_data["to_reseller"],
                key=form.key("move_many", form.contents()),
                now=timezone.now(),
            )
            return done(request, "", to=page_of(act))
    asked = request.POST or request.GET
    to = form.chosen("to_reseller", asked)
    if to and not to.is_in_tree_of(request.seat):
        to = None

    def look_over(lines: Lines) -> dict[str, Any]:
        return {"preview": preview_of_moves(lines, request.seat, to)} if to else {}

    return render_bulk(request, "subscribers/bulk/move.html", form, look_over, **choice("to_reseller", to, asked))


@requires("subscribers.view", of=BulkAct)
@require_GET
def outcome(request: SignedInRequest, act: BulkAct) -> HttpResponse:
    """Show what became of each."""
    ids = [result.subscriber_id for result in act.results]
    context = {
        "act": act,
        "done": [result for result in act.results if result.is_done],
        "not_done": [result for result in act.results if not result.is_done],
        "seen": set(Subscriber.objects.visible_to(request.seat).filter(pk__in=ids).values_list("pk", flat=True)),
    }
    return render(request, "subscribers/bulk/outcome.html", context)


def choice(name: str, chosen: Any, asked: QueryDict) -> dict[str, Any]:
    """Return what the page shows of what was chosen, and whether something was asked for that is nothing there is."""
    return {"chosen": chosen, "choice_is_missing": chosen is None and name in asked}


def page_of(act: BulkAct) -> str:
    return reverse("subscribers:bulk_outcome", args=[act.pk])


def render_bulk(
    request: SignedInRequest,
    template: str,
    form: BulkForm,
    look_over: LookOver,
    *,
    most: int = operations.AT_MOST,
    **context: Any,
) -> HttpResponse:
    """Answer with the page on which an act on many is looked over, or that says why there is nothing to do."""
    selection = Selection(request.GET, request.seat)
    filters = query_without(request, "pick", "all", "to_plan", "to_reseller")
    cancel_url = f"{reverse('subscribers:list')}?{filters}"
    context |= {"form": form, "carried": selection.carried(), "cancel_url": cancel_url}
    try:
        ids = form.cleaned_data["ids"] if form.is_bound and "ids" in form.cleaned_data else selection.ids()
        if len(ids) > most:
            raise TooManyAtOnce(len(ids), most)
    except TooManyAtOnce as refusal:
        return render_form(request, template, {"problem": str(refusal), **context})
    lines, seen_only = lines_among(request.seat, ids)
    looked = look_over(lines)
    if preview := looked.get("preview"):
        not_theirs = _("You can see this subscriber, but not change it.")
        preview.left_out += [(line, not_theirs) for line in seen_only]
    if not ids:
        context["problem"] = _("You have picked nobody. Pick subscribers on the list first.")
    elif not lines:
        context["problem"] = _("None of these can be changed by you. Pick the subscribers on the list first.")
    return render_form(request, template, {"count": len(lines), "ids": ",".join(map(str, lines)), **looked, **context})
