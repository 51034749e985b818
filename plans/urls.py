from django.urls import path

from plans.views import levels, plans

app_name = "plans"

urlpatterns = [
    path("plans/", plans.list_, name="list"),
    path("plans/new", plans.create, name="create"),
    path("plans/<int:pk>/edit/", plans.edit, name="edit"),
    path("settings/levels/", levels.list_, name="levels"),
    path("settings/levels/<int:pk>/edit/", levels.edit, name="edit_level"),
]
