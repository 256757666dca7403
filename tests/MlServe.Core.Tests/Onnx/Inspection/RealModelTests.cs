using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using Xunit;

namespace MlServe.Onnx.Inspection;

/// <summary>Real models against what other tools say of them.</summary>
public partial class RealModelTests
{
    // Where the oracle cuts its lists and lines.
    private const int OperatorsListed = 14;
    private const int LineLength = 700;

    [Fact]
    public void Inspect_ModelsOfTheOracle_AgreesInEverything()
    {
        var oracle = File.ReadAllText(SharedData.PathOf("oracles/model-signatures.txt"));
        var models = oracle.Split("## ", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(28, models.Length);
        foreach (var lines in models.Select(model => model.Split('\n', StringSplitOptions.RemoveEmptyEntries)))
        {
            var head = Head().Match(lines[0]);
            Assert.True(head.Success, lines[0]);
            var path = head.Groups["path"].Value;
            var model = File.ReadAllBytes(SharedData.PathOf(path));
            var info = OnnxInspector.Inspect(model);
            Assert.Equal(lines[0], string.Create(CultureInfo.InvariantCulture,
                $"{path} bytes={model.Length} ir={info.IrVersion} producer={info.ProducerName} {info.ProducerVersion} " +
                $"opset={string.Join(' ', info.Opsets.Select(o => $"{o.Domain}:{o.Version}"))} graph={info.GraphName}"));
            Assert.Contains(SignatureLine("in", info.Inputs.Where(i => !i.HasDefault)), lines);
            Assert.Contains(SignatureLine("out", info.Outputs), lines);
            AssertOperators(path, Line(lines, "ops")!, info);
            if (Line(lines, "meta") is { } meta)
                Assert.Equal(meta, string.Join("  ", info.Metadata.Select(p => $"{p.Key}={p.Value}")));
            Assert.Empty(info.ExternalData);
        }
    }

    [Fact]
    public void Inspect_ConformanceModels_AgreesWithTheManifest()
    {
        using var zip = ZipFile.OpenRead(SharedData.PathOf("onnx-node-open.zip"));
        using var manifest = new StreamReader(zip.GetEntry("MANIFEST.tsv")!.Open());
        var lines = manifest.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var rows = lines.Skip(1).Select(line => line.Split('\t')).ToList();
        Assert.Equal(1345, rows.Count);
        foreach (var row in rows)
        {
            var (suite, name) = (row[0], row[1]);
            var path = suite == "light" ? $"light/{name}.onnx" : $"{suite}/{name}/model.onnx";
            using var content = new MemoryStream();
            using (var entry = zip.GetEntry(path)!.Open())
                entry.CopyTo(content);
            var info = OnnxInspector.Inspect(content.ToArray());
            Assert.Equal((path, row[4]), (path, string.Join(' ', info.Opsets.Select(o => $"{o.Domain}:{o.Version}"))));
            Assert.Equal((path, Sorted(row[5].Split(','))), (path, Sorted(info.Operators.Select(OperatorName))));
            var inputs = info.Inputs.Where(input => !input.HasDefault).ToList();
            Assert.Equal((path, row[6]), (path, ElementTypes(inputs)));
            Assert.Equal((path, row[7]), (path, ElementTypes(info.Outputs)));
            var kinds = inputs.Concat(info.Outputs).Select(value => Kind(value.Type)).Distinct();
            Assert.Equal((path, row[8]), (path, string.Join(',', kinds)));
        }
    }

    [Fact]
    public void Inspect_ModelsOfEveryElementType_ReadsTheType()
    {
        foreach (var type in Enum.GetValues<OnnxElementType>())
        {
            var path = SharedData.PathOf($"models/ort-types/test_types_{type.ToString().ToUpperInvariant()}.pb");
            if (File.Exists(path))
                Assert.Equal(type, Assert.Single(OnnxInspector.Inspect(File.ReadAllBytes(path)).Inputs).Type.ElementType);
        }
    }

    [Fact]
    public void Inspect_MapOutput_ReadsKeyAndValue()
    {
        var info = OnnxInspector.Inspect(File.ReadAllBytes(SharedData.PathOf("models/ort-types/test_sequence_map_string_float.pb")));
        Assert.Contains("seq(map(string,tensor(float)))", info.Outputs.Select(output => output.Type.ToString()));
    }

    [Fact]
    public void Inspect_OldModel_TellsWeightsFromInputs()
    {
        var info = OnnxInspector.Inspect(File.ReadAllBytes(SharedData.PathOf("models/image/mnist-8.onnx")));
        Assert.True(info.Inputs.Count > 1);
        Assert.Single(info.Inputs, input => !input.HasDefault);
    }

    [Fact]
    public void Inspect_ATensorOfTestData_SaysSo()
    {
        var tensor = File.ReadAllBytes(SharedData.PathOf("models/image/mobilenetv2_int8_maui/test_data_set_0/input_0.pb"));
        var refusal = Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(tensor));
        Assert.Contains("single tensor", refusal.Message, StringComparison.Ordinal);
    }

    private static string SignatureLine(string key, IEnumerable<OnnxValueInfo> values)
    {
        var line = $"   {key,-4}{string.Join("  ", values.Select(Signature))}";
        return line.Length > LineLength ? line[..LineLength] : line;
    }

    private static void AssertOperators(string path, string line, OnnxModelInfo info)
    {
        var parts = line.Split("  init:");
        var listed = parts[0].Split(' ').ToList();
        Assert.Equal((path, Math.Min(OperatorsListed, info.Operators.Count)), (path, listed.Count));
        var found = info.Operators.Select(use => $"{OperatorName(use)}x{use.Count}").ToHashSet();
        Assert.All(listed, use => Assert.Contains(use, found));
        var initializers = info.Initializers.Select(t => $"{t.ElementType.ToString().ToLowerInvariant()}x{t.Count}");
        var expected = parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal((path, Sorted(expected)), (path, Sorted([.. initializers, $"{info.InitializerBytes}B"])));
    }

    private static string OperatorName(OnnxOperatorUse use) => use.Domain == "ai.onnx" ? use.OpType : $"{use.Domain}.{use.OpType}";

    // The oracle writes a tensor as float[1,2], and other kinds as their names before the innermost type.
    private static string Signature(OnnxValueInfo value) => $"{value.Name}:{Signature(value.Type)}";

    private static string Signature(OnnxValueType type) => type.Kind switch
    {
        OnnxValueKind.Sequence => $"sequence:{Signature(type.Contained!)}",
        OnnxValueKind.Map => $"map:{type.ElementType.ToString().ToLowerInvariant()}[?]",
        _ => $"{type.ElementType.ToString().ToLowerInvariant()}[{(type.Dimensions is null ? "?" : string.Join(',', type.Dimensions))}]",
    };

    private static string ElementTypes(IEnumerable<OnnxValueInfo> values) =>
        string.Join(',', values.Select(value => Innermost(value.Type).ElementType.ToString().ToLowerInvariant()).Distinct());

    private static OnnxValueType Innermost(OnnxValueType type) => type.Contained is { } contained ? Innermost(contained) : type;

    // The manifest leaves out the innermost tensor: "optional:sequence" is an optional sequence of tensors.
    private static string Kind(OnnxValueType type)
    {
        var kind = type.Kind.ToString().ToLowerInvariant();
        return type.Contained is { Contained: not null } contained ? $"{kind}:{Kind(contained)}" : kind;
    }

    private static string? Line(string[] lines, string key) =>
        lines.FirstOrDefault(line => line.StartsWith($"   {key} ", StringComparison.Ordinal))?[(4 + key.Length)..].TrimStart();

    private static string Sorted(IEnumerable<string> values) => string.Join(' ', values.Order(StringComparer.Ordinal));

    [GeneratedRegex("^(?<path>\\S+) bytes=")]
    private static partial Regex Head();
}
