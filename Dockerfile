# One small image: Python, the pinned packages, the code and its static files. No compiler, no root, no secret.
FROM python:3.13-slim AS build

WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .
# The key is for this command alone: the one that signs sessions is made in /data when the site starts.
RUN CHAT_DATA_DIR=/tmp/data CHAT_STATIC_DIR=/built SECRET_KEY=only-for-collecting-the-static-files CHAT_STATIC_HASHED=1 \
    /venv/bin/python manage.py collectstatic --no-input --verbosity 0

FROM python:3.13-slim

RUN useradd --system --uid 10001 --no-create-home chatsite \
    && mkdir /data && chown chatsite:chatsite /data && chmod 700 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY --from=build /built /app/staticfiles

WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CHAT_DATA_DIR=/data CHAT_STATIC_DIR=/app/staticfiles CHAT_STATIC_HASHED=1 CHAT_ENV_FILE= PORT=8000
USER chatsite
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--migrate"]
