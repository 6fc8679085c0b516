# One image: Prefect server, worker, API and MLflow differ only in their command.
FROM python:3.11-slim AS build
# an index with PyTorch's CPU builds makes the image several times smaller; the default one brings CUDA along
ARG PIP_EXTRA_INDEX_URL=
WORKDIR /src
COPY . .
RUN python -m venv /opt/deskloop \
 && /opt/deskloop/bin/pip install --no-cache-dir --constraint constraints.txt '.[postgres,server]'

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 deskloop && install -d -o deskloop -g deskloop /data
COPY --from=build /opt/deskloop /opt/deskloop
# the timetable is read from here; the flows it names are in the environment
COPY deployments/prefect.yaml /home/deskloop/deployments/prefect.yaml
# the root is read-only: what is made goes to the volume, what is passing to /tmp
ENV PATH=/opt/deskloop/bin:$PATH PYTHONUNBUFFERED=1 \
    DESKLOOP_HOME=/data/home DESKLOOP_CONFIG=/project/deskloop.yaml \
    PREFECT_HOME=/data/prefect PREFECT_RESULTS_DEFAULT_SERIALIZER=json \
    PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY=false \
    PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT=false DO_NOT_TRACK=1 \
    TOKENIZERS_PARALLELISM=false GIT_PYTHON_REFRESH=quiet PIP_NO_CACHE_DIR=1 \
    MPLCONFIGDIR=/tmp/matplotlib XDG_CACHE_HOME=/tmp/cache
USER deskloop
WORKDIR /home/deskloop
VOLUME /data
CMD ["deskloop", "serve", "--host", "0.0.0.0"]
