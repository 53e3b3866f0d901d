# facesearch on one machine: `docker compose up` (compose.yaml). AWS does not use this: cdk/README.md.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# Where pip finds packages, if not where it does by itself; nothing of it is in the image that runs.
ARG PIP_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python3 -m venv /opt/facesearch
COPY requirements.txt /source/
RUN /opt/facesearch/bin/python -m pip install --quiet --require-hashes -r /source/requirements.txt
COPY . /source
RUN /opt/facesearch/bin/python -m pip install --quiet --no-deps --no-build-isolation /source

FROM ${BASE}
COPY --from=build /opt/facesearch /opt/facesearch
# Photos are somebody's: the process has no rights but to read them, and to keep faces in /data.
RUN mkdir -m 700 /data && chown 1000:1000 /data
ENV HOME=/data PATH=/opt/facesearch/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
WORKDIR /data
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["facesearch"]
CMD ["serve", "--host", "0.0.0.0"]
