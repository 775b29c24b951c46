#!/usr/bin/env bash
# Installs the Debian packages of the given kinds ("build", "test") that are missing; says nothing when none is.
set -euo pipefail
list=$(dirname "$0")/debian-packages.txt
wanted=()
for kind in "$@"; do
  while read -r name; do wanted+=("$name"); done < <(awk -v kind="$kind" '$1 == kind { print $2 }' "$list")
done
missing=()
for name in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "these packages are missing and need root to install: ${missing[*]}" >&2; exit 3; }
  as_root=(sudo)
fi
echo "installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
for attempt in 1 2 3; do
  if "${as_root[@]}" apt-get update -qq >"$log" 2>&1 &&
     "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
    exit 0
  fi
  echo "apt failed (attempt $attempt of 3)" >&2
done
tail -n 20 "$log" >&2
exit 3
