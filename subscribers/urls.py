from django.urls import path

from subscribers import views

app_name = "subscribers"

urlpatterns = [
    path("subscribers/", views.list_, name="list"),
    path("subscribers/new", views.create, name="create"),
    path("renewals/", views.sold, name="sold"),
    path("subscribers/<int:pk>/", views.detail, name="detail"),
    path("subscribers/<int:pk>/edit/", views.edit, name="edit"),
    path("subscribers/<int:pk>/renewals/", views.renewals, name="renewals"),
    path("transfers/<int:pk>/refund/", views.refund, name="refund"),
]
