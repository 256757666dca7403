#!/usr/bin/env bash
# The developer's loop: restore, build, test. Arguments go to dotnet test, such as --filter-class '*ShapesTests'.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
dotnet build -c Release
# 8: a project without a test that the filter lets through.
dotnet test -c Release --no-build --no-progress --ignore-exit-code 8 "$@"
