from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        """Carry what the rooms announce."""
        from ispanel.messages import carry_by
        from notifications.carrying import MessageCarrier

        carry_by(MessageCarrier())
