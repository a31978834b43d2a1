#!/usr/bin/env bash
# release.sh FOLDER: the files of a release of this commit, in a new folder: an archive for each of TARGETS, its bill of
# materials, and SHA256SUMS. Two runs over the same commit with the same version of Go give the same bytes. docs/release.md
# says how to use it. Variables: VERSION and COMMIT (git says), SOURCE_DATE_EPOCH (the time of the commit), TARGETS.
set -euo pipefail
out=${1:?usage: release.sh FOLDER}
mkdir "$out" # not -p: what lies in a folder already is not part of this release
out=$(cd "$out" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=${VERSION:-$(git describe --tags --always --dirty)}
commit=${COMMIT:-$(git rev-parse --short=12 HEAD)}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
read -ra targets <<<"${TARGETS:-linux/amd64 linux/arm64}"
export CGO_ENABLED=0 TZ=UTC LC_ALL=C

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# build FILE TARGET
build() {
  GOFLAGS='-tags=nomsgpack,nopgxregisterdefaulttypes' GOOS=${2%/*} GOARCH=${2#*/} go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.version=$version -X main.commit=$commit" -o "$1" .
}

# The manual and the completions are printed by the program itself, as it runs on this machine.
build "$scratch/interdict" "$(go env GOHOSTOS)/$(go env GOHOSTARCH)"
"$scratch/interdict" man >"$scratch/interdict.1"
# The program completes itself: what a shell needs is one line that names it.
echo 'complete -o nospace -C interdict interdict' >"$scratch/interdict.bash"
{ echo 'autoload -U +X bashcompinit && bashcompinit'; cat "$scratch/interdict.bash"; } >"$scratch/interdict.zsh"

GOFLAGS='' go build -C deploy/release -trimpath -buildvcs=false -o "$scratch/cyclonedx-gomod" \
  github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

for target in "${targets[@]}"; do
  name=interdict-$version-${target/\//-}
  folder=$scratch/$name
  mkdir "$folder"
  build "$folder/interdict" "$target"
  cp LICENSE README.md CHANGELOG.md "$scratch"/interdict.{1,bash,zsh} "$folder"
  chmod 0644 "$folder"/*
  chmod 0755 "$folder" "$folder/interdict"
  # gzip -n: neither a name nor a time
  tar -C "$scratch" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -cf - "$name" |
    gzip -9n >"$out/$name.tar.gz"
  "$scratch/cyclonedx-gomod" bin -json -std -noserial -notimestamp -version "$version" -output "$out/$name.cdx.json" "$folder/interdict"
done

(cd "$out" && sha256sum -- * >"$scratch/SHA256SUMS" && mv "$scratch/SHA256SUMS" .)
cat "$out/SHA256SUMS"
