# arm32v7 or arm64v8: each has images of its own, and a job of its own in .gitlab-ci.yml.
ARG ARM=arm32v7
FROM $ARM/debian:bookworm-slim
WORKDIR /opt/app
COPY . .
# Replace this line by your build. It runs emulated: slow, and right for the Pi.
RUN uname -m > /opt/app/README
CMD ["cat", "/opt/app/README"]
