# The console, and PgBouncer beside it: the same image serves both in docker-compose.yml.
FROM python:3.13-slim
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get update -q && apt-get install -y -q --no-install-recommends pgbouncer \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home pipeline
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY console ./console
COPY sql ./sql
COPY config ./config
COPY docs/pipeline-console.1 ./docs/
RUN pip install --no-cache-dir '.[cache]' && rm -rf /src/*
WORKDIR /home/pipeline
USER 10001:10001
ENTRYPOINT ["pipeline-console"]
CMD ["open"]
