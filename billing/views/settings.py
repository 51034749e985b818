"""The billing settings."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import SignedInRequest, admin_only
from billing import operations
from billing.forms import BillingSettingsForm
from ispanel.http import changed, done, render_form
from ispanel.models import PanelSettings
from ispanel.refusals import refusals_into
from resellers.models import Reseller


@admin_only
@require_http_methods(["GET", "POST"])
def billing_settings(request: SignedInRequest) -> HttpResponse:
    """Change the company that issues papers, their numbers, and who issues those of subscribers."""
    settings = PanelSettings.objects.get(pk=1)
    form = BillingSettingsForm(request.POST or None, request.FILES or None, instance=settings)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.change_billing_settings(actor=request.seat, now=timezone.now(), **changed(form))
            return done(request, _("The settings are saved."), to=reverse("billing:settings"))
    context = {
        "form": form,
        "logo": settings.logo_id,
        "without_prefix": Reseller.objects.kept().filter(invoice_prefix="").count(),
    }
    return render_form(request, "settings/billing.html", context)
