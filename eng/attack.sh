#!/usr/bin/env bash
# Attacks MlServe for about ten minutes: storms, mutated files, generated models, guests that throw. Names run only those attacks;
# --short is the form of CI; --cases FOLDER adds cases of your own. Exit code 0: all promises held; 1: one did not; 3: one could not be tried.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dotnet build -c Release -v q --nologo tests/MlServe.Attack
exec artifacts/bin/MlServe.Attack/release/MlServe.Attack "$@"
