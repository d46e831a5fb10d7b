# The build stage runs on the builder's own platform and compiles for the target: no emulation where the compiler can do it.
FROM --platform=$BUILDPLATFORM debian:bookworm-slim AS build
# Set by the builder: arm64, or arm with the variant v7.
ARG TARGETARCH TARGETVARIANT
WORKDIR /src
COPY . .
# Replace this line by your build, for $TARGETARCH $TARGETVARIANT, with its result in /out.
RUN mkdir -p /out && echo "built for $TARGETARCH$TARGETVARIANT" > /out/README

# No architecture in the name: the builder picks it for each platform.
FROM debian:bookworm-slim
COPY --from=build /out/ /opt/app/
CMD ["cat", "/opt/app/README"]
