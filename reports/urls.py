from django.urls import path

from reports import views

app_name = "reports"

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("exposure/", views.exposure, name="exposure"),
    path("exposure/export", views.exposure_export, name="exposure_export"),
    path("audit/", views.audit_trail, name="audit_trail"),
    path("audit/export", views.audit_export, name="audit_export"),
    path("audit/<int:pk>/", views.audit_entry, name="audit_entry"),
]
