# A small image: Python, pinned packages, the code and its static files. No compiler, no cache, no root, no secrets.
FROM python:3.13-slim AS build

WORKDIR /app
COPY requirements.txt .
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check -r requirements.txt \
    # A sixth of their size is their own tests and translation sources.
    && find /venv/lib -name '*.po' -delete \
    && find /venv/lib -type d \( -name tests -o -path '*/twisted/*test' \) -prune -exec rm -r {} +
COPY . .
# This key is only for this command: the key that signs sessions is generated in /data at startup.
RUN CHAT_DATA_DIR=/tmp/data CHAT_STATIC_DIR=/app/staticfiles CHAT_STATIC_HASHED=1 \
    SECRET_KEY=only-for-collecting-the-static-files \
    /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    # Compile now, as the file system is read-only later; with unchecked hashes, as copying changes the sources' times.
    && /venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib /app

FROM python:3.13-slim

# Mount points of volumes, owned by the user that writes there.
RUN useradd --system --uid 10001 --no-create-home chatsite \
    && install -d -m 700 -o chatsite -g chatsite /data && install -d -m 755 -o chatsite -g chatsite /passwords /redis
COPY --from=build /venv /venv
COPY --from=build /app /app

WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CHAT_DATA_DIR=/data CHAT_STATIC_DIR=/app/staticfiles CHAT_STATIC_HASHED=1 CHAT_ENV_FILE= HOST=0.0.0.0 PORT=8000
USER chatsite
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-I", "-S", "deploy/ready.py"]
CMD ["python", "manage.py", "serve", "--migrate"]
