#!/usr/bin/env bash
# Packs the libraries: eng/pack.sh FOLDER [PLATFORM...]. Each platform that is named gets precompiled images; without names, all that the runtime has packages for.
# MLSERVE_VERSION states the version; else it is that of the newest tag.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$1
shift
platforms=("$@")
[ ${#platforms[@]} -gt 0 ] || platforms=(linux-x64 linux-arm64 win-x64 osx-arm64)
rm -rf artifacts/precompiled
eng/precompile.sh "${platforms[@]}"
dotnet pack -c Release -o "$folder" -p:PackPrecompiled=true ${MLSERVE_VERSION:+-p:MinVerVersionOverride=$MLSERVE_VERSION}
ls -l "$folder"
