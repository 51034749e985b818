from django.urls import path

from resellers.views import acts, closing, pages, staff

app_name = "resellers"

urlpatterns = [
    path("resellers/", pages.list_, name="list"),
    path("resellers/new", pages.create, name="create"),
    path("resellers/<int:pk>/", pages.detail, name="detail"),
    path("resellers/<int:pk>/edit/", pages.edit, name="edit"),
    path("resellers/<int:pk>/transactions/", pages.transactions, name="transactions"),
    path("resellers/<int:pk>/transactions/export", pages.transactions_export, name="transactions_export"),
    path("resellers/<int:pk>/subscribers/", pages.subscribers, name="subscribers"),
    path("resellers/<int:pk>/subs/", pages.subs, name="subs"),
    path("resellers/<int:pk>/audit/", pages.audit_trail, name="audit_trail"),
    path("resellers/<int:pk>/transfers/", acts.transfers, name="transfers"),
    path("resellers/<int:pk>/withdrawals/", acts.withdrawals, name="withdrawals"),
    path("resellers/<int:pk>/seats/", acts.seats, name="seats"),
    path("resellers/<int:pk>/initial-password/", acts.initial_password, name="initial_password"),
    path("resellers/<int:pk>/username/", acts.username, name="username"),
    path("resellers/<int:pk>/password/", acts.password, name="password"),
    path("resellers/<int:pk>/two-step-reset/", acts.two_step_reset, name="two_step_reset"),
    path("resellers/<int:pk>/staff/", staff.of_reseller, name="staff_of_reseller"),
    path("staff/", staff.list_, name="staff"),
    path("staff/new", staff.create, name="create_staff"),
    path("staff/<int:pk>/edit/", staff.edit, name="edit_staff"),
    path("staff/<int:pk>/password/", staff.password, name="staff_password"),
    path("staff/<int:pk>/initial-password/", staff.initial_password, name="staff_initial_password"),
    path("staff/<int:pk>/removal/", staff.removal, name="staff_removal"),
    path("staff/<int:pk>/restoration/", staff.restoration, name="staff_restoration"),
    path("resellers/<int:pk>/suspension/", closing.suspension, name="suspension"),
    path("resellers/<int:pk>/resumption/", closing.resumption, name="resumption"),
    path("resellers/<int:pk>/deletion/", closing.deletion, name="deletion"),
    path("resellers/<int:pk>/restoration/", closing.restoration, name="restoration"),
    path("resellers/<int:pk>/purge/", closing.purge, name="purge"),
    path("resellers/<int:pk>/address-test/", closing.address_test, name="address_test"),
    path("staff/<int:pk>/username/", staff.username, name="staff_username"),
    path("staff/<int:pk>/two-step-reset/", staff.two_step_reset, name="staff_two_step_reset"),
    path("transactions/", pages.own_transactions, name="own_transactions"),
]
