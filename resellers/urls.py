from django.urls import path

from resellers import acts, views

app_name = "resellers"

urlpatterns = [
    path("resellers/", views.list_, name="list"),
    path("resellers/new", views.create, name="create"),
    path("resellers/<int:pk>/", views.detail, name="detail"),
    path("resellers/<int:pk>/edit/", views.edit, name="edit"),
    path("resellers/<int:pk>/transactions/", views.transactions, name="transactions"),
    path("resellers/<int:pk>/subscribers/", views.subscribers, name="subscribers"),
    path("resellers/<int:pk>/subs/", views.subs, name="subs"),
    path("resellers/<int:pk>/audit/", views.audit_trail, name="audit_trail"),
    path("resellers/<int:pk>/transfers/", acts.transfers, name="transfers"),
    path("resellers/<int:pk>/withdrawals/", acts.withdrawals, name="withdrawals"),
    path("resellers/<int:pk>/seats/", acts.seats, name="seats"),
    path("resellers/<int:pk>/initial-password/", acts.initial_password, name="initial_password"),
    path("transactions/", views.own_transactions, name="own_transactions"),
]
