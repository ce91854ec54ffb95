#!/usr/bin/env bash
# build.sh FOLDER: builds the image without a container daemon; FOLDER/oci is an OCI layout with the tag `image`,
# FOLDER/bundle the image unpacked. BASE and BUILDER name other base images than those that base.sh makes.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(realpath "$1")
commit=$(git describe --always --abbrev=12 --dirty=.dirty --exclude='*' 2>/dev/null || true)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
store=(buildah --root "$folder/store/root" --runroot "$folder/store/run" --storage-driver vfs)
trap 'rm -rf "$folder/store"' EXIT

base_of() { # NAME: an image out of NAME.tar
  local container
  container=$("${store[@]}" from scratch)
  "${store[@]}" add --quiet "$container" "$folder/$1.tar" / >/dev/null
  "${store[@]}" commit --quiet --rm --timestamp "$SOURCE_DATE_EPOCH" "$container" "localhost/$1" >/dev/null
}
[ -n "${BASE:-}" ] || { base_of base && base_of builder; }

# The limits are this machine's, since the builder may not raise them everywhere; certificates and index likewise.
given=(--ulimit "nofile=$(ulimit -Hn)" --ulimit "nproc=$(ulimit -Hu)" --build-arg "PIP_INDEX_URL=${PIP_INDEX_URL:-}")
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || given+=(--volume /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro)
"${store[@]}" build --quiet --isolation chroot --format docker --file deploy/image/Containerfile \
  --ignorefile deploy/image/Containerfile.dockerignore --tag localhost/decision-service --timestamp "$SOURCE_DATE_EPOCH" \
  --build-arg "BASE=${BASE:-localhost/base}" --build-arg "BUILDER=${BUILDER:-${BASE:-localhost/builder}}" \
  --build-arg "COMMIT=$commit" --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" "${given[@]}" . >/dev/null
rm -rf "$folder/oci" "$folder/bundle"
"${store[@]}" push --quiet localhost/decision-service "oci:$folder/oci:image"
umoci unpack --image "$folder/oci:image" "$folder/bundle"
echo "Built decision-service ${commit:-of an unknown commit}: $(du -sm --apparent-size "$folder/oci" | cut -f1) MB compressed, $(du -sm --apparent-size "$folder/bundle/rootfs" | cut -f1) MB unpacked."
