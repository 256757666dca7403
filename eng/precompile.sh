#!/usr/bin/env bash
# Compiles the libraries ahead of their first call (ReadyToRun), for this platform or those that are named, into artifacts/precompiled/PLATFORM.
# Packages carry these images beside the portable ones: the first answer of a process does not wait for the compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

platforms=("$@")
[ ${#platforms[@]} -gt 0 ] || platforms=("$(dotnet msbuild src/MlServe.Core -getProperty:NETCoreSdkPortableRuntimeIdentifier)")
for platform in "${platforms[@]}"; do
    folder=artifacts/precompiled/$platform
    whole=artifacts/precompiled/.whole
    rm -rf "$folder" "$whole"
    dotnet publish eng/precompile -c Release -r "$platform" -v q --nologo -o "$whole" \
        ${MLSERVE_VERSION:+-p:MinVerVersionOverride=$MLSERVE_VERSION}
    mkdir -p "$folder"
    cp "$whole"/MlServe.{Core,Extensions,Quantization}.dll "$folder"
    rm -rf "$whole"
    ls -l "$folder"
done
