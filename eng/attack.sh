#!/usr/bin/env bash
# Attacks MlServe for about ten minutes: storms, mutated files, generated models, guests that throw. Names run only those attacks;
# --short is the form of CI; --seed N draws others; --cases FOLDER adds cases of your own. Exit code 0: all promises held; 1: one did not; 3: one could not be tried.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Not from there on: a folder of cases is named from where the caller stands.
(cd "$root" && dotnet build -c Release -v q --nologo tests/MlServe.Attack)
exec "$root/artifacts/bin/MlServe.Attack/release/MlServe.Attack" "$@"
