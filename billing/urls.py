from django.urls import path

from billing.views import acts, lists, papers, public, settings

app_name = "billing"

urlpatterns = [
    path("invoices/", lists.invoices, name="invoices"),
    path("invoices/export", lists.invoices_export, name="invoices_export"),
    path("invoices/<int:pk>/", papers.invoice, name="invoice"),
    path("invoices/<int:pk>/pdf", papers.invoice_pdf, name="invoice_pdf"),
    path("invoices/<int:pk>/logo", papers.invoice_logo, name="invoice_logo"),
    path("invoices/<int:pk>/payment/", acts.payment, name="payment"),
    path("invoices/<int:pk>/cancellation/", acts.cancellation, name="cancellation"),
    path("invoices/<int:pk>/links/", acts.links, name="links"),
    path("invoices/<int:pk>/links/revocation/", acts.links_revocation, name="links_revocation"),
    path("credit-notes/", lists.credit_notes, name="credit_notes"),
    path("credit-notes/export", lists.credit_notes_export, name="credit_notes_export"),
    path("credit-notes/<int:pk>/pdf", papers.credit_note_pdf, name="credit_note_pdf"),
    path("i/<str:token>", public.invoice, name="public_invoice"),
    path("i/<str:token>/pdf", public.invoice_pdf, name="public_invoice_pdf"),
    path("i/<str:token>/logo", public.invoice_logo, name="public_invoice_logo"),
    path("settings/billing/", settings.billing_settings, name="settings"),
]
