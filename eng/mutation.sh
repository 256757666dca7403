#!/usr/bin/env bash
# Mutation testing of the rooms that are pure arithmetic or hold the order of things: changes the code in small ways and counts
# the changes that a test notices. eng/mutation.sh Tensors Batching tries only those folders of src/MlServe.Core.
# Reports: artifacts/mutation/reports.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
folders=("$@")
[ $# -gt 0 ] || folders=(Tensors Batching)

mutate=()
MLSERVE_MUTATION_TESTS= # the test project then holds these folders' tests alone
for folder in "${folders[@]}"; do
    [ -d "src/MlServe.Core/$folder" ] || continue
    mutate+=(--mutate "$folder/**/*.cs")
    MLSERVE_MUTATION_TESTS+="$folder/**/*Tests.cs;"
done
export MLSERVE_MUTATION_TESTS

dotnet tool restore
rm -rf artifacts/mutation
cd tests/MlServe.Core.Tests
timeout --signal=INT 45m dotnet stryker "${mutate[@]}" --output "$root/artifacts/mutation" --skip-version-check
