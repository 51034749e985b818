from django.urls import path

from plans import views

app_name = "plans"

urlpatterns = [
    path("plans/", views.list_, name="list"),
    path("plans/new", views.create, name="create"),
    path("plans/<int:pk>/edit/", views.edit, name="edit"),
]
