# One static program in an empty image, run as nobody in particular.
#   docker build --tag registry.example/toolgate:0.1.0 .
FROM docker.io/library/rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends musl-tools \
    && rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin toolgate --target "$(uname -m)-unknown-linux-musl" \
    && mv "target/$(uname -m)-unknown-linux-musl/release/toolgate" /toolgate

FROM scratch
COPY --from=build /toolgate /toolgate
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
ENTRYPOINT ["/toolgate"]
