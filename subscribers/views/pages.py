"""The pages that show subscribers, and what was sold to them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.access import SignedInRequest, requires
from accounts.seats import Seat
from accounts.trail import trail_about
from billing.models import Invoice
from ispanel.http import render_list, wants
from ispanel.lists import page_of
from subscribers import operations
from subscribers.forms import COLUMNS, SIZES, VIEWS, RenewalListForm, SubscriberListForm
from subscribers.models import Renewal, Subscriber
from subscribers.usage import usage_among

#: Requests to the access server on a line's page, and invoices.
LATEST = 10
LATEST_INVOICES = 5


@requires("subscribers.view")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the subscribers that the seat sees, without the terminated ones."""
    form = SubscriberListForm(request.GET, seat=request.seat)
    rows = Subscriber.objects.visible_to(request.seat).kept()
    counts = form.filtered(rows).counts(timezone.now())
    status = form.value("status") or ""
    matching = counts[status or "all"]
    # A view_all shows lines that nothing can be done to.
    sees_more = request.seat.sees_all("subscribers") and not request.seat.is_admin
    actable = form.apply(rows.actable_by(request.seat)).count() if sees_more else matching
    context = {
        "form": form,
        "tabs": [(key, label, counts[key or "all"]) for key, label in VIEWS],
        "status": status,
        "total": counts["all"],
        "actable": actable,
        "at_most": operations.AT_MOST,
        "columns": COLUMNS,
        "sizes": SIZES,
        "carried": [(name, value) for name, values in request.GET.lists() if name != "page" for value in values],
        "is_fragment": wants(request, "results"),
        "page_obj": page_of(request, form.apply(rows.for_list()), size=form.page_size, count=matching),
    }
    return render_list(request, "subscribers/list.html", context)


@requires("subscribers.view")
@require_GET
def sold(request: SignedInRequest) -> HttpResponse:
    """List the periods sold and those refunded, with what they were charged and what they brought in."""
    form = RenewalListForm(request.GET, seat=request.seat)
    rows = Renewal.objects.visible_to(request.seat)
    sold, refunded = form.sold(rows).totals(), form.refunded(rows).totals()
    context = {
        "form": form,
        "page_obj": page_of(request, form.apply(rows)),
        "sold": sold["count"],
        "refunded": refunded["count"],
        "charged": sold["price"] - refunded["price"],
        "retail": sold["retail_price"] - refunded["retail_price"],
    }
    return render_list(request, "subscribers/sold.html", context)


@requires("subscribers.view", of=Subscriber)
@require_GET
@vary_on_headers("HX-Target")
def detail(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Show the line, what was sold to it, what its access server was told, and what was done to it."""
    if wants(request, "coa-requests"):
        return render(request, "network/_coa_requests.html", {"requests": subscriber.coa_requests.for_list()[:LATEST]})
    sold = Renewal.objects.filter(subscriber=subscriber).select_related("plan", "reseller__wallet", "invoice")
    sold = sold.order_by("-id")
    context = {
        "subscriber": Subscriber.objects.for_list().select_related("reseller__wallet").get(pk=subscriber.pk),
        "usage": usage_among(sold, timezone.now()),
        "renewals": sold,
        "coa_requests": subscriber.coa_requests.visible_to(request.seat).for_list()[:LATEST],
        "invoices": invoices_of(request.seat, sold),
        "audit_entries": trail_about(request.seat, subscriber),
    }
    return render(request, "subscribers/detail.html", context)


def invoices_of(seat: Seat, sold: Iterable[Renewal]) -> list[Invoice] | None:
    """Return the latest invoices that the seat sees of what was sold; None for a seat that reads no invoices."""
    if not seat.has("invoices.view"):
        return None
    issued = (getattr(each, "invoice", None) for each in sold)
    return list(islice((each for each in issued if each and each.is_visible_to(seat)), LATEST_INVOICES))
