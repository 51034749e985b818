from django.urls import path

from subscribers.views import acts, bulk, details, export, imports, lines, pages

app_name = "subscribers"

urlpatterns = [
    path("subscribers/", pages.list_, name="list"),
    path("subscribers/new", details.create, name="create"),
    path("subscribers/bulk/renewal/", bulk.renewal, name="bulk_renewal"),
    path("subscribers/bulk/suspension/", bulk.suspension, name="bulk_suspension"),
    path("subscribers/bulk/resumption/", bulk.resumption, name="bulk_resumption"),
    path("subscribers/bulk/plan-change/", bulk.plan_change, name="bulk_plan_change"),
    path("subscribers/bulk/move/", bulk.move, name="bulk_move"),
    path("subscribers/bulk/<int:pk>/", bulk.outcome, name="bulk_outcome"),
    path("renewals/", pages.sold, name="sold"),
    path("subscribers/<int:pk>/", pages.detail, name="detail"),
    path("subscribers/<int:pk>/edit/", details.edit, name="edit"),
    path("subscribers/<int:pk>/renewals/", acts.renewals, name="renewals"),
    path("subscribers/<int:pk>/plan-changes/", acts.plan_changes, name="plan_changes"),
    path("subscribers/<int:pk>/data-top-ups/", acts.data_top_ups, name="data_top_ups"),
    path("subscribers/<int:pk>/price/", acts.price, name="price"),
    path("subscribers/<int:pk>/move/", acts.move, name="move"),
    path("subscribers/<int:pk>/suspension/", lines.suspension, name="suspension"),
    path("subscribers/<int:pk>/resumption/", lines.resumption, name="resumption"),
    path("subscribers/<int:pk>/termination/", lines.termination, name="termination"),
    path("subscribers/<int:pk>/disconnection/", lines.disconnection, name="disconnection"),
    path("subscribers/<int:pk>/fup-reset/", lines.fup_reset, name="fup_reset"),
    path("transfers/<int:pk>/refund/", acts.refund, name="refund"),
    path("subscribers/export.csv", export.export, name="export"),
    path("subscribers/imports/", imports.list_, name="imports"),
    path("subscribers/imports/new", imports.upload, name="upload"),
    path("subscribers/imports/template.csv", imports.template, name="import_template"),
    path("subscribers/imports/<int:pk>/", imports.detail, name="import"),
    path("subscribers/imports/<int:pk>/checks/", imports.checks, name="checks"),
    path("subscribers/imports/<int:pk>/commits/", imports.commits, name="commits"),
    path("subscribers/imports/<int:pk>/errors.csv", imports.problems, name="import_errors"),
    path("subscribers/imports/<int:pk>/passwords.csv", imports.passwords, name="import_passwords"),
]
