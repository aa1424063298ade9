# Athena's server, in two stages: the first builds, the second holds Python, one virtual environment and nothing else.
# Rebuild with another Python by --build-arg PYTHON_VERSION=3.12; VERSION and REVISION only label the image.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Dependencies come first: they change seldom, so their layer is kept. The built environment gets no pip of its own.
COPY requirements/build.txt requirements/server.txt requirements/
RUN python -m venv /opt/build \
 && python -m venv --without-pip /opt/athena \
 && /opt/build/bin/pip install --require-hashes -r requirements/build.txt \
 && /opt/build/bin/pip --python /opt/athena/bin/python install --require-hashes -r requirements/server.txt
COPY pyproject.toml README.md LICENSE ./
COPY athena athena
COPY client client
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /dist . \
 && /opt/build/bin/pip --python /opt/athena/bin/python install --no-deps --no-index /dist/*.whl

FROM python:${PYTHON_VERSION}-slim-trixie
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="athena" \
      org.opencontainers.image.description="A task queue for a fleet of Claude Code instances, fed from Discord, HTTP and the terminal" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.vendor="The Athena engineers" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The root file system may be read-only: bytecode was compiled at install, and all that is written goes to /data
# (/run/athena is where docker-compose.yml puts the address of a PostgreSQL).
ENV PATH=/opt/athena/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ATHENA_HOST=0.0.0.0 \
    ATHENA_DATABASE_URL=sqlite:////data/tasks.db
RUN groupadd --gid 10001 athena \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin athena \
 && install -d -m 0700 -o 10001 -g 10001 /data \
 && install -d -m 0750 -o 10001 -g 10001 /run/athena
COPY --from=build /opt/athena /opt/athena
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 5051
STOPSIGNAL SIGTERM
# Asked each second while it starts, so that `up --wait` returns at once; later twice a minute.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=1s --retries=3 CMD ["athena", "healthcheck"]
ENTRYPOINT ["athena"]
CMD ["serve"]
