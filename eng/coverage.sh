#!/usr/bin/env bash
# Runs the tests and says how many lines of src/ they run; not those that count the process's allocations, among which are the collector's own. Fails under 90 %. The report: artifacts/coverage/report.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
least=${1:-90}
out=artifacts/coverage

rm -rf "$out"
dotnet tool restore
dotnet test -c Release --no-ansi --no-progress --timeout 10m --results-directory "$out" \
    --coverage --coverage-output-format cobertura --coverage-settings "$PWD/eng/coverage.xml" \
    --filter-not-trait Counts=Allocations
dotnet reportgenerator -reports:"$out/*.cobertura.xml" -targetdir:"$out/report" -reporttypes:'TextSummary;JsonSummary;Html' \
    -assemblyfilters:'+MlServe.Core;+MlServe.Extensions;+MlServe.Quantization;+MlServe.Benchmarking' -filefilters:'-*/artifacts/*' -verbosity:Warning
sed -n '/^Summary/,/^$/p' "$out/report/Summary.txt"

covered=$(sed -n 's/^ *Line coverage: *\([0-9.]*\)%.*/\1/p' "$out/report/Summary.txt")
echo "coverage: $covered % of the lines of src/, at least $least asked"
awk -v covered="$covered" -v least="$least" 'BEGIN { exit !(covered >= least) }'
