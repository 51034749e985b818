from django.urls import path

from api import views

app_name = "api"

urlpatterns = [
    path("graphql", views.endpoint, name="endpoint"),
    path("graphql/playground/", views.playground, name="playground"),
]
