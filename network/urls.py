from django.urls import path

from network import views

app_name = "network"

urlpatterns = [
    path("nas/", views.list_, name="list"),
    path("nas/new", views.create, name="create"),
    path("nas/<int:pk>/", views.detail, name="detail"),
    path("nas/<int:pk>/edit/", views.edit, name="edit"),
    path("nas/<int:pk>/probes/", views.probes, name="probes"),
    path("nas/<int:pk>/removal/", views.removal, name="removal"),
]
