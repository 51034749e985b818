"""Settings of a Django that has django-hordak and nothing else, for the comparison."""

from ispanel.settings import env

SECRET_KEY = "only-for-the-benchmark"
DATABASES = {"default": env.db_url_config(env.str("HORDAK_DATABASE_URL"))}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "mptt", "djmoney", "hordak"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
CURRENCIES = ["USD"]
DEFAULT_CURRENCY = HORDAK_INTERNAL_CURRENCY = "USD"
HORDAK_CURRENCIES = ["USD"]
