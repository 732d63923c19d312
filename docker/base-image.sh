#!/usr/bin/env bash
# Makes a base image from Debian's packages, for machines that reach no image registry.
# Needs root and debootstrap. Usage: docker/base-image.sh [NAME]
#
# The machine's own certificate authorities are copied, so that a build behind an inspecting
# proxy can install packages. Do not publish such an image.
set -euo pipefail
name="${1:-debian-local:bookworm-slim}"
root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=ca-certificates bookworm "$root"
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
  cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
  chroot "$root" update-ca-certificates
fi
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/man/*
tar -C "$root" -c . | docker import - "$name"
