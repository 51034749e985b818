from django.apps import AppConfig


class ISPanelConfig(AppConfig):
    name = "ispanel"

    def ready(self) -> None:
        from ispanel import checks  # noqa: F401 - registers them
