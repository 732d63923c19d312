#!/usr/bin/env bash
# Packs a compiled quern as the image that docker/Dockerfile takes for BINARY_IMAGE.
# Usage: docker/binary-image.sh PATH/TO/quern [NAME]
set -euo pipefail
binary="$1"
name="${2:-quern-binary}"
root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
install -D "$binary" "$root/out/usr/local/bin/quern"
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/out/etc/ssl/certs/ca-certificates.crt"
tar -C "$root" -c . | docker import - "$name"
