"""What is done with one invoice."""

from __future__ import annotations

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.access import SignedInRequest, requires
from billing import operations
from billing.forms import CancellationForm, LinkForm, PaymentForm
from billing.models import Invoice
from ispanel.http import done, render_act, wants
from ispanel.refusals import refusals_into


@requires("invoices.edit", of=Invoice)
@require_http_methods(["GET", "POST"])
def payment(request: SignedInRequest, invoice: Invoice) -> HttpResponse:
    """Mark the invoice as paid."""
    form, back = PaymentForm(sent(request)), page_of(invoice)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.mark_paid(
                actor=request.seat, invoice_id=invoice.pk, note=form.cleaned_data["note"], now=timezone.now()
            )
            return done(request, _("%(number)s is paid.") % {"number": invoice}, to=back)
    return render_act(request, "billing/payment.html", {"form": form, "invoice": invoice}, cancel_url=back)


@requires("invoices.edit", of=Invoice)
@require_http_methods(["GET", "POST"])
def cancellation(request: SignedInRequest, invoice: Invoice) -> HttpResponse:
    """Cancel the invoice."""
    form, back = CancellationForm(sent(request)), page_of(invoice)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.cancel_invoice(
                actor=request.seat, invoice_id=invoice.pk, reason=form.cleaned_data["reason"], now=timezone.now()
            )
            return done(request, _("%(number)s is cancelled.") % {"number": invoice}, to=back)
    return render_act(request, "billing/cancellation.html", {"form": form, "invoice": invoice}, cancel_url=back)


@requires("invoices.edit", of=Invoice)
@require_http_methods(["GET", "POST"])
def links(request: SignedInRequest, invoice: Invoice) -> HttpResponse:
    """Make a link at which the subscriber reads the invoice, and show its address this once."""
    form, back = LinkForm(sent(request)), page_of(invoice)
    context = {"form": form, "invoice": invoice}
    if request.method == "POST":
        address = operations.make_link(actor=request.seat, invoice=invoice, now=timezone.now())
        kept = invoice.links.in_force().order_by("-pk")
        made = {"address": address, "links": kept, "is_dialog": wants(request, "dialog-slot")}
        return render_act(request, "billing/link_made.html", context | made, cancel_url=back)
    return render_act(request, "billing/link.html", context, cancel_url=back)


@requires("invoices.edit", of=Invoice)
@require_http_methods(["GET", "POST"])
def links_revocation(request: SignedInRequest, invoice: Invoice) -> HttpResponse:
    """Let none of the links to the invoice show it any more."""
    form, back = LinkForm(sent(request)), page_of(invoice)
    if request.method == "POST":
        count = operations.revoke_links(actor=request.seat, invoice_id=invoice.pk, now=timezone.now())
        message = ngettext("%(count)d link is revoked.", "%(count)d links are revoked.", count) % {"count": count}
        return done(request, message, to=back)
    context = {"form": form, "invoice": invoice, "count": invoice.links.in_force().count()}
    return render_act(request, "billing/links_revocation.html", context, cancel_url=back)


def sent(request: SignedInRequest) -> QueryDict | None:
    """Return what was posted, which may be nothing."""
    return request.POST if request.method == "POST" else None


def page_of(invoice: Invoice) -> str:
    """Return the address of the invoice's page."""
    return reverse("billing:invoice", args=[invoice.pk])
