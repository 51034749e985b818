"""Addresses of the pages about messages."""

from django.urls import path

from ispanel.messages import Way
from notifications import views

app_name = "notifications"

urlpatterns = [
    path("settings/notifications/", views.channels, name="channels"),
    path("settings/notifications/email/", views.channel, {"way": Way.EMAIL}, name="email"),
    path("settings/notifications/email/tests/", views.test, {"way": Way.EMAIL}, name="email_test"),
    path("settings/notifications/sms/", views.channel, {"way": Way.SMS}, name="sms"),
    path("settings/notifications/sms/tests/", views.test, {"way": Way.SMS}, name="sms_test"),
    path("settings/notifications/templates/", views.templates, name="templates"),
    path("settings/notifications/templates/<int:pk>/edit/", views.template, name="template"),
    path("settings/notifications/templates/<int:pk>/shipped-text/", views.shipped_text, name="shipped_text"),
    path("settings/notifications/rules/", views.rules, name="rules"),
    path("settings/notifications/rules/<int:pk>/edit/", views.rule, name="rule"),
    path("settings/notifications/rules/<int:pk>/switch/", views.switch, name="switch"),
    path("settings/notifications/log/", views.log, name="log"),
    path("settings/notifications/log/export", views.log_export, name="log_export"),
    path("settings/notifications/log/<int:pk>/", views.message, name="message"),
    path("settings/notifications/log/<int:pk>/retries/", views.retry, name="retries"),
    path("settings/notifications/log/<int:pk>/copies/", views.copy, name="copies"),
]
