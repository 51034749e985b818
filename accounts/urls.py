from django.urls import path

from accounts.views import account, groups, sign_in

app_name = "accounts"

urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("seat/leave/", sign_in.leave_seat, name="leave_seat"),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="password"),
    path("settings/permissions/", groups.list_, name="groups"),
]
