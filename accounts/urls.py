from django.urls import path

from accounts.views import account, groups, rights, second_step, sign_in, sign_ins, two_step, users

app_name = "accounts"

urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-in/two-step/", second_step.second_step, name="second_step"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("seat/leave/", sign_in.leave_seat, name="leave_seat"),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="password"),
    path("account/username/", account.username, name="username"),
    path("account/contact/", account.contact, name="contact"),
    path("account/two-step/", two_step.two_step, name="two_step"),
    path("account/two-step/off/", two_step.off, name="two_step_off"),
    path("account/two-step/codes/", two_step.codes, name="two_step_codes"),
    path("account/sign-ins/", sign_ins.sign_ins, name="sign_ins"),
    path("account/sign-ins/end-others/", sign_ins.end_others, name="end_other_sign_ins"),
    path("account/sign-ins/<uuid:public_id>/end/", sign_ins.end, name="end_sign_in"),
    path("users/", users.list_, name="users"),
    path("users/new", users.create, name="create_user"),
    path("users/<int:pk>/", users.detail, name="user"),
    path("users/<int:pk>/edit/", users.edit, name="edit_user"),
    path("users/<int:pk>/username/", users.username, name="user_username"),
    path("users/<int:pk>/contact/", users.contact, name="user_contact"),
    path("users/<int:pk>/password/", users.password, name="user_password"),
    path("users/<int:pk>/two-step-reset/", users.two_step_reset, name="user_two_step_reset"),
    path("users/<int:pk>/sign-ins/", users.sign_ins, name="user_sign_ins"),
    path("users/<int:pk>/removal/", users.removal, name="user_removal"),
    path("users/<int:pk>/restoration/", users.restoration, name="user_restoration"),
    path("settings/permissions/", groups.list_, name="groups"),
    path("settings/permissions/new", groups.create, name="create_group"),
    path("settings/permissions/<int:pk>/", groups.detail, name="group"),
    path("settings/permissions/<int:pk>/edit/", groups.edit, name="edit_group"),
    path("settings/permissions/<int:pk>/deletion/", groups.deletion, name="delete_group"),
    path("settings/permissions/logins/", rights.logins, name="logins"),
    path("settings/permissions/logins/<int:pk>/", rights.what_login_may, name="what_login_may"),
]
