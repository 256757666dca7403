#!/usr/bin/env bash
# Compiles tests/MlServe.AotTest ahead of time without a warning, runs it, and prints sizes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rid=$(dotnet msbuild tests/MlServe.AotTest -getProperty:NETCoreSdkPortableRuntimeIdentifier)
out=artifacts/aot
log=artifacts/aot.log
mkdir -p artifacts
rm -rf "$out"
dotnet publish tests/MlServe.AotTest -c Release -r "$rid" -o "$out" 2>&1 | tee "$log"
if grep -E 'warning (IL|AOT|NETSDK|CS|CA|NU)[0-9]*' "$log"; then
    echo "aot: warnings" >&2
    exit 1
fi

"$out/MlServe.AotTest" | tee "$log"
grep -qx 'aot: ok' "$log"
(cd "$out" && du --apparent-size -h MlServe.AotTest ./*onnxruntime* ./*.dbg 2>/dev/null) || true
