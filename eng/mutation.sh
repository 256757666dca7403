#!/usr/bin/env bash
# Mutation testing of the rooms that are pure arithmetic or hold the order of things: changes the code in small ways and counts
# the changes that a test notices. eng/mutation.sh Tensors Batching tries only those folders of src/MlServe.Core.
# Reports: artifacts/mutation/reports.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
folders=("$@")
[ $# -gt 0 ] || folders=(Tensors Statistics Batching)

mutate=()
for folder in "${folders[@]}"; do
    [ ! -d "src/MlServe.Core/$folder" ] || mutate+=(--mutate "$folder/**/*.cs")
done

# Tests that cannot bear code with all mutants in it are skipped.
export MLSERVE_MUTATION_RUN=1
dotnet tool restore
rm -rf artifacts/mutation
cd tests/MlServe.Core.Tests
timeout --signal=INT 45m dotnet stryker "${mutate[@]}" --output "$root/artifacts/mutation" --skip-version-check
