#!/usr/bin/env bash
# Writes what is public, and not shipped yet, into src/*/PublicAPI.Unshipped.txt anew: new members come in, removed ones go out.
# Read the difference before committing it: it is what users will see.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for file in src/*/PublicAPI.Unshipped.txt; do
    echo '#nullable enable' >"$file"
done
dotnet restore
for project in src/*/*.csproj; do
    dotnet format analyzers "$project" --diagnostics RS0016 RS0017 RS0036 RS0037 --severity warn --no-restore
done
git --no-pager diff --stat -- 'src/*/PublicAPI.*.txt'
