# One image: Prefect server, worker, API and MLflow differ only in their command.
FROM python:3.11-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/deskloop \
 && /opt/deskloop/bin/pip install --no-cache-dir --constraint constraints.txt '.[postgres,server]'

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 deskloop && install -d -o deskloop /data
COPY --from=build /opt/deskloop /opt/deskloop
COPY --chown=deskloop deployments/prefect.yaml /home/deskloop/deployments/prefect.yaml
ENV PATH=/opt/deskloop/bin:$PATH DESKLOOP_HOME=/data/home DESKLOOP_CONFIG=/project/deskloop.yaml \
    PREFECT_HOME=/data/prefect PREFECT_RESULTS_DEFAULT_SERIALIZER=json PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1 PYTHONUNBUFFERED=1
USER deskloop
WORKDIR /home/deskloop
VOLUME /data
CMD ["deskloop", "serve", "--host", "0.0.0.0"]
