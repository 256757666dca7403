#!/usr/bin/env bash
# Draws graphs, sends each through every rewrite of the quantizer and holds what comes out against ONNX Runtime without optimizations: 3,000 graphs, about 3 minutes.
# Arguments: how many, and the first seed. Exit code 0: all run and answer as the graph does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dotnet build -c Release -v q --nologo tests/MlServe.Quantization.Tests
MLSERVE_GRAPHS="${1:-3000}" MLSERVE_SEED="${2:-1}" exec artifacts/bin/MlServe.Quantization.Tests/release/MlServe.Quantization.Tests \
  -noLogo -noColor -class '*RandomGraphTests' -explicit only -showLiveOutput
