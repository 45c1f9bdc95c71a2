#!/bin/bash
# debian.sh SUITE DIRECTORY PACKAGES [OPTION...]: a small Debian with these packages (separated by commas) and options of
# mmdebstrap. A mirror that fails gets two more chances.
set -euo pipefail
suite=$1 root=$2 packages=$3
shift 3
options=(--variant=minbase --mode=root --quiet --include="$packages" --aptopt='Acquire::Retries "3"'
  --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"')
for what in doc man locale; do options+=(--dpkgopt="path-exclude=/usr/share/$what/*"); done
for pause in 10 30; do
  if mmdebstrap "${options[@]}" "$@" "$suite" "$root" >&2; then exit; fi
  rm -rf --one-file-system "$root"
  printf 'mmdebstrap %s failed; once more in %s s\n' "$suite" "$pause" >&2
  sleep "$pause"
done
mmdebstrap "${options[@]}" "$@" "$suite" "$root" >&2
