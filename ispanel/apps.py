from django.apps import AppConfig


class ISPanelConfig(AppConfig):
    name = "ispanel"
