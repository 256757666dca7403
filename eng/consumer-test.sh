#!/usr/bin/env bash
# What a user does: an empty folder, an empty package cache, a new console project, the packages, and the README's first program.
# It must read the same digits as the labels say. Then the benchmark program of docs/benchmarking.md, in processes of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
packages=$root/artifacts/packages

version_of() { sed -n "s/.*<PackageVersion Include=\"$1\" Version=\"\([^\"]*\)\".*/\1/p" "$root/Directory.Packages.props"; }

# A version of its own each time: NuGet never looks again at one that it knows.
version=$(dotnet msbuild src/MlServe.Core -restore -t:MinVer -getProperty:Version)-ci.$(date -u +%Y%m%d%H%M%S)
rm -rf "$packages"
platform=$(dotnet msbuild src/MlServe.Core -getProperty:NETCoreSdkPortableRuntimeIdentifier)
MLSERVE_VERSION=$version eng/pack.sh "$packages" "$platform"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export NUGET_PACKAGES=$work/packages DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
mkdir "$work/app"
cd "$work/app"
# One more source; those of whoever runs this stay.
cat >nuget.config <<XML
<configuration>
  <packageSources><add key="mlserve-consumer-test" value="$packages" /></packageSources>
  <fallbackPackageFolders><clear /></fallbackPackageFolders>
</configuration>
XML
dotnet new console --name App --output . --no-restore
dotnet add package MlServe.Extensions --version "$version" --no-restore
dotnet add package MlServe.Testing --version "$version" --no-restore
dotnet add package Microsoft.Extensions.Hosting --version "$(version_of Microsoft.Extensions.Hosting)" --no-restore
dotnet add package Microsoft.ML.OnnxRuntime --version "$(version_of Microsoft.ML.OnnxRuntime)" --no-restore

sample_of() { # document, name
    awk -v name="$2" '$0 ~ "^<!-- sample: " name "( |;)" { marked = 1; next } marked && /^```csharp/ { code = 1; next } code && /^```/ { exit } code' "$root/$1" >Program.cs
    [ -s Program.cs ] || { echo "$1 has no C# block marked $2" >&2; exit 1; }
}
sample_of README.md first-prediction

dotnet restore 2>&1 | tee restore.log
if grep -E 'warning N[A-Z]*[0-9]+' restore.log; then
    echo "a user would see these warnings" >&2
    exit 1
fi
dotnet build -c Release --no-restore -warnaserror -o out
[ -z "$(find "$NUGET_PACKAGES" -maxdepth 1 -iname 'google.protobuf')" ] || { echo "Google.Protobuf came along" >&2; exit 1; }

assets=$root/samples/assets
cp "$assets/digits.onnx" .
gzip -dc "$assets/mnist-test-images.idx3-ubyte.gz" >images
gzip -dc "$assets/mnist-test-labels.idx1-ubyte.gz" >labels
for i in 0 1 2; do
    dd if=images of=image.bin bs=1 skip=$((16 + (784 * i))) count=784 status=none
    expected="digit: $(od -An -tu1 -j $((8 + i)) -N 1 labels | tr -d ' ')"
    ./out/App >run.log 2>&1 || { cat run.log; exit 1; }
    actual=$(grep '^digit:' run.log || cat run.log)
    [ "$actual" = "$expected" ] || { echo "image $i: expected '$expected', got '$actual'" >&2; exit 1; }
done

# The image that ran is the precompiled one, made of the same build as the portable one that compilers see.
cat >Program.cs <<'CODE'
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

foreach (var type in new[] { typeof(MlServe.IPredictor), typeof(Microsoft.Extensions.DependencyInjection.MlServingServiceCollectionExtensions) })
{
    var ran = type.Assembly.Location;
    var library = Path.GetFileNameWithoutExtension(ran);
    var portable = Directory.GetFiles(Path.Combine(args[0], library.ToLowerInvariant()), library + ".dll", SearchOption.AllDirectories)
        .Single(path => !path.Contains("runtimes"));
    using var image = new PEReader(File.OpenRead(ran));
    using var other = new PEReader(File.OpenRead(portable));
    var isPrecompiled = image.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size > 0;
    var isSame = IdOf(image) == IdOf(other);
    Console.WriteLine($"{library}: precompiled {isPrecompiled}, same build {isSame}, {Path.GetRelativePath(AppContext.BaseDirectory, ran)}");
    if (!isPrecompiled || !isSame) return 1;
}

return 0;

static Guid IdOf(PEReader image)
{
    var metadata = image.GetMetadataReader();
    return metadata.GetGuid(metadata.GetModuleDefinition().Mvid);
}
CODE
dotnet build -c Release --no-restore -o out
./out/App "$NUGET_PACKAGES"

mkdir "$work/benchmarks"
cd "$work/benchmarks"
cp ../app/nuget.config ../app/digits.onnx .
dotnet new console --name Benchmarks --output . --no-restore
for package in MlServe.Core MlServe.Benchmarking; do
    dotnet add package "$package" --version "$version" --no-restore
done
dotnet add package Microsoft.ML.OnnxRuntime --version "$(version_of Microsoft.ML.OnnxRuntime)" --no-restore
sed -i 's|</Project>|<ItemGroup><None Include="digits.onnx" CopyToOutputDirectory="PreserveNewest" /></ItemGroup></Project>|' Benchmarks.csproj
sample_of docs/benchmarking.md benchmark
dotnet run -c Release -- --filter '*' --job dry >run.log 2>&1 || { cat run.log; exit 1; }
figures=BenchmarkDotNet.Artifacts/results/DigitsBenchmarks-predictions.json
for figure in '"succeeded": true' '"recordedCalls": [1-9]' '"callP99Nanoseconds": [1-9]' '"costPerMillion": [0-9.]*[1-9]'; do
    [ "$(grep -c "$figure" "$figures")" = 2 ] || { tail -40 run.log; cat "$figures"; echo "$figures: $figure is not there for both benchmarks" >&2; exit 1; }
done
echo "consumer: ok, MlServe $version"
