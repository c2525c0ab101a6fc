# The program `moodify`: as one process, or as any of the services (`docker run … serve music`).
#
# Not built by the project's own checks, which reach no registry: docs/operations.md says how it was tried.

FROM rust:1.94.1-slim-bookworm AS chef
# The bundled SQLite is C. No versions: what Debian mends is wanted, and nothing of it is in the image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential pkg-config \
    && rm -rf /var/lib/apt/lists/* \
    && cargo install cargo-chef --locked --version 0.1.78
WORKDIR /build

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS builder
# .cargo has flags of the bundled SQLite: without it the dependencies would be built otherwise than the program.
COPY .cargo .cargo
COPY --from=planner /build/recipe.json recipe.json
# Built anew only when a dependency changes.
RUN cargo chef cook --release --locked --package moodify-server --recipe-path recipe.json
COPY . .
RUN cargo build --release --locked --package moodify-server --bin moodify \
    && mkdir -p /empty/data

# Nothing but libc, the certificate authorities and a user without rights (65532); no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=builder /build/target/release/moodify /usr/local/bin/moodify
# A volume begins with the owner of the folder that it hides.
COPY --from=builder --chown=65532:65532 /empty/data /data
# Reached through the container's network; the root may be read-only: all that is written is below /data.
ENV MOODIFY_LISTEN=0.0.0.0:8080 \
    MOODIFY_DATA=/data
VOLUME /data
WORKDIR /data
EXPOSE 8080
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/moodify", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/moodify"]
CMD ["serve"]
