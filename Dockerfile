# One small image: Python, the pinned packages, the code and its static files. No compiler, no cache, no root, no secret.
FROM python:3.13-slim AS build

WORKDIR /app
COPY requirements.txt .
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check -r requirements.txt \
    # A sixth of them are the packages' own tests, and translations in the form for translators.
    && find /venv/lib -name '*.po' -delete \
    && find /venv/lib -type d \( -name tests -o -path '*/twisted/*test' \) -prune -exec rm -r {} +
COPY . .
# The key is for this command alone: the one that signs sessions is made in /data when the site starts.
RUN CHAT_DATA_DIR=/tmp/data CHAT_STATIC_DIR=/app/staticfiles CHAT_STATIC_HASHED=1 \
    SECRET_KEY=only-for-collecting-the-static-files \
    /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    # Compiled here, as nothing can be written later; without a look at the sources' times, which copying changes.
    && /venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib /app

FROM python:3.13-slim

# What volumes are mounted on belongs to the one who writes there.
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
