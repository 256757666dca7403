#!/usr/bin/env bash
# A test of the scorecard itself: with each prediction of MlServe's made 20 us slower, and each load slower and larger, the rows that are about its speed must turn red, and others must not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=artifacts/scorecard-test
mkdir -p "$folder"
rm -f "$folder"/*.json
dotnet build -c Release -v q --nologo benchmarks/MlServe.Benchmarks
scorecard=artifacts/bin/MlServe.Benchmarks/release/MlServe.Benchmarks

# 20 us are more than all that a prediction of these is allowed to cost: their goals are ratios to runs of 1 to 17 us, or fewer than 20 us themselves.
red="direct.latency_vs_raw batching.lone_latency_vs_raw batching.throughput_vs_limit.mlp batching.throughput_vs_limit.cnn
    batching.throughput_vs_unbatched.tiny batching.refusal_ns peers.mlnet.throughput.mlp peers.mlnet.latency.tiny pipeline.overhead_ns"
# Loads, whose files take a second longer to read and leave a copy in memory; the switch gives 200 models 20 ms each.
red="$red load.first_answer_vs_raw.digits load.first_answer_vs_raw.digits_batching load.first_answer_vs_raw.resnet
    load.first_answer_vs_raw.resnet_batching load.peak_vs_raw.resnet_batching load.seen_vs_raw.resnet load.first_answer_vs_raw.mlp
    load.peak_vs_raw.mlp load.seen_vs_raw.mlp
    scale.models_200.time_vs_raw scale.models_200.resident_vs_raw"
# Bytes, and processes that the switch does not reach.
same="direct.bytes pipeline.bytes batching.bytes coldstart.ready_ms"

measure() {
    local name=$1
    shift
    "$scorecard" scorecard --windows 15 --only "$name" --json "$folder/$name${1:-}.json" "$@"
}

verdict() {
    sed -n 's/^ *"verdict": "\(.*\)",$/\1/p' "$1"
}

failures=0
check() {
    local name=$1 expected=$2 found=$3
    if [ "$found" = "$expected" ]; then
        echo "ok: $name is $found"
    else
        echo "FAILED: $name is '$found', and should be '$expected'"
        failures=$((failures + 1))
    fi
}

for name in $red; do
    measure "$name" --sabotage
    check "$name" "not met" "$(verdict "$folder/$name--sabotage.json")"
done
for name in $same; do
    measure "$name"
    measure "$name" --sabotage
    check "$name" "$(verdict "$folder/$name.json")" "$(verdict "$folder/$name--sabotage.json")"
done

echo "$failures failed"
[ "$failures" -eq 0 ]
