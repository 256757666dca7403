#!/usr/bin/env bash
# What a user of the tool does: packs it for this platform, installs it from the folder of packages with nothing cached, and quantizes the digits.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
packages=$root/artifacts/tool-packages

# A version of its own each time: NuGet never looks again at one that it knows.
version=$(dotnet msbuild src/MlServe.Core -restore -t:MinVer -getProperty:Version)-ci.$(date -u +%Y%m%d%H%M%S)
rm -rf "$packages"
dotnet pack tools/MlServe.Cli -c Release -o "$packages" -p:PackTool=true -p:MinVerVersionOverride="$version"
ls -l "$packages"
# All platforms in one package would be 160 MB.
for package in "$packages"/MlServe.Cli.*.nupkg; do
    [ "$(wc -c <"$package")" -lt 40000000 ] || { echo "$package is too large" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export NUGET_PACKAGES=$work/packages DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
cd "$work"
cat >nuget.config <<XML
<configuration>
  <packageSources><clear /><add key="mlserve-tool-test" value="$packages" /></packageSources>
  <fallbackPackageFolders><clear /></fallbackPackageFolders>
</configuration>
XML
dotnet tool install MlServe.Cli --version "$version" --tool-path tools --configfile nuget.config
mlserve=$work/tools/mlserve

"$mlserve" inspect "$root/samples/assets/digits.onnx" | tee inspect.txt
grep -q 'batch axis *0 of .image.' inspect.txt

# The tests of the tool do it with real images. Random images show nothing of how well it reads; a smaller file is asked for by name, and speed is not for this test to tell.
"$mlserve" quantize "$root/samples/assets/digits.onnx" -o digits.int8.onnx --random-samples 512 --on-failure storage --min-speedup 0 --report report.json --plot plot.png
[ "$(wc -c <digits.int8.onnx)" -lt "$(wc -c <"$root/samples/assets/digits.onnx")" ]
[ -s report.json ] && [ -s plot.png ]
code=0
"$mlserve" inspect "$root/README.md" 2>error.txt || code=$?
[ $code -eq 2 ] || { echo "a file that is no model: exit code $code" >&2; exit 1; }
[ "$(wc -l <error.txt)" -eq 1 ]
echo "tool: ok, MlServe.Cli $version"
