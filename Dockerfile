# Interdict: one static binary on a base without a shell. `make image` builds it; deploy/README.md says how to run it.

# a release names the exact version of Go, and the base with its digest: docs/release.md
ARG GO_VERSION=1.26
ARG BASE=gcr.io/distroless/static-debian12:nonroot

FROM --platform=$BUILDPLATFORM golang:$GO_VERSION AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOFLAGS=-tags=nomsgpack,nopgxregisterdefaulttypes

# the modules first: they change less often than the code
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
ARG TARGETOS
ARG TARGETARCH
# seconds since 1970: the time of the commit, which every file and the image carry in place of the time of the build
ARG SOURCE_DATE_EPOCH=0
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" -o /out/interdict . \
 && mkdir -p /out/state && touch -d "@$SOURCE_DATE_EPOCH" /out/interdict /out/state

FROM $BASE
ARG BASE
ARG VERSION=dev
ARG COMMIT=unknown
ARG CREATED=1970-01-01T00:00:00Z
# where the code is published; empty in a build that is published nowhere
ARG SOURCE=
LABEL org.opencontainers.image.title="interdict" \
      org.opencontainers.image.description="Screens crypto addresses against published lists, with proof of what was screened" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.base.name="$BASE"

COPY --from=build /out/interdict /interdict
# a named volume takes over this folder's owner; the rest of the root may be read-only, with something writable on /tmp
COPY --from=build --chown=65532:65532 /out/state /var/lib/interdict
VOLUME /var/lib/interdict

USER 65532:65532
# 8080: the API and the probes. 9090: metrics and pprof, not for callers
EXPOSE 8080 9090
ENTRYPOINT ["/interdict"]
CMD ["serve", "--listen", ":8080", "--admin-listen", ":9090", "--data", "/var/lib/interdict"]
