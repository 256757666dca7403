#!/usr/bin/env bash
# Prints the section of CHANGELOG.md for a version; fails if there is none, so that no release goes out without notes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=${1:?"usage: eng/release-notes.sh VERSION"}
notes=$(awk -v heading="## $version" '$0 == heading || index($0, heading " ") == 1 { on = 1; next } /^## / { on = 0 } on' CHANGELOG.md)
[ -n "${notes//[[:space:]]/}" ] || { echo "CHANGELOG.md has no section for $version" >&2; exit 1; }
printf '%s\n' "$notes"
