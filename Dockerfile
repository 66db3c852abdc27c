# One image for every process: the command says which. `docker compose up` builds it.
# For production pin both stages by digest too: python:3.11.14-slim-bookworm@sha256:… (docker buildx imagetools inspect).

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# eldc has no wheel for Linux on ARM, so there it is compiled.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/wirewatch
ENV PATH=/opt/wirewatch/bin:$PATH
WORKDIR /src
# The lock alone first: a change of our own code does not install the dependencies again.
COPY requirements/run.lock requirements/
RUN pip install --require-hashes -r requirements/run.lock
COPY . .
RUN pip install --no-deps --no-build-isolation . && python -m compileall -q /opt/wirewatch

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="wirewatch" \
      org.opencontainers.image.description="Watches the world's news as a stream and tells you when the actors you watch appear" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 wirewatch && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin wirewatch
COPY --from=build /opt/wirewatch /opt/wirewatch
ENV PATH=/opt/wirewatch/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["wirewatch"]
CMD ["--help"]
