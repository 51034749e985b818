"""Every address of the panel."""

from django.contrib import admin
from django.urls import include, path

from accounts.access import public
from ispanel import views

handler400 = "ispanel.views.bad_request"
handler403 = "ispanel.views.permission_denied"
handler404 = "ispanel.views.page_not_found"
handler500 = "ispanel.views.server_error"

urlpatterns = [
    path("health/live", public(views.live)),
    path("health/ready", public(views.ready)),
    path("tls/allowed", public(views.tls_allowed)),
    path("", include("accounts.urls")),
    path("", include("wallet.urls")),
    path("", include("resellers.urls")),
    path("", include("billing.urls")),
    path("", include("notifications.urls")),
    path("", include("plans.urls")),
    path("", include("network.urls")),
    path("", include("subscribers.urls")),
    path("", include("reports.urls")),
    path("", include("api.urls")),
    path("admin/", admin.site.urls),
    path("settings/", views.general_settings, name="general_settings"),
    path("settings/security/", views.security_settings, name="security_settings"),
    path("settings/system/", views.system, name="system"),
]
