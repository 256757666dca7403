#!/usr/bin/env bash
# Tries the whole house at once: hosts in which each pair of features meets, under requests, swaps and faults of all kinds, with laws of
# conservation at the end. Without arguments or with --short the form of CI, each composition once. --soak SECONDS goes on with other seeds
# and writes what the process holds to artifacts/house.csv. --seed N draws others; --seed N --case M repeats one composition.
# Exit code 0: all laws held; 1: one did not; 3: one could not be tried.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
arguments=()
soak=
while (($# > 0)); do
    case $1 in
        --soak) soak=${2:?--soak takes seconds}; shift 2 ;;
        *) arguments+=("$1"); shift ;;
    esac
done
if [[ -n $soak ]]; then
    rm -f "$root/artifacts/house.csv"
    arguments+=(--seconds "$soak" --csv "$root/artifacts/house.csv")
else
    arguments+=(--short)
fi

(cd "$root" && dotnet build -c Release -v q --nologo tests/MlServe.Attack)
exec "$root/artifacts/bin/MlServe.Attack/release/MlServe.Attack" house "${arguments[@]}"
