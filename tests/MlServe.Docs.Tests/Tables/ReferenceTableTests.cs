using System.Globalization;
using System.Text.RegularExpressions;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Docs.Markdown;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Quantization;
using MlServe.Quantization.Serving;
using MlServe.Resilience;
using MlServe.Tensors;
using Xunit;

namespace MlServe.Docs.Tables;

/// <summary>
/// Tables that say what code says. <c>MLSERVE_UPDATE_DOCS=1</c> in the environment writes them anew from the code; the columns behind them
/// stay.
/// </summary>
public sealed partial class ReferenceTableTests
{
    private const long Mebibyte = 1024 * 1024;

    private static readonly bool IsUpdate = Environment.GetEnvironmentVariable("MLSERVE_UPDATE_DOCS") == "1";

    public static TheoryData<string> Documents => [.. Repository.Documents];

    public static TheoryData<Type> Documented =>
    [
        typeof(OnnxModelOptions), typeof(VerificationOptions), typeof(ExecutionProviderOptions), typeof(OnnxRuntimeOptions),
        typeof(MlServingOptions), typeof(ModelOptions), typeof(ServiceLevelOptions), typeof(PredictionOptions),
        typeof(OnnxInspectionLimits), typeof(BatchingOptions), typeof(PaddingOptions),
        typeof(CacheOptions),
        typeof(CircuitBreakerOptions),
        typeof(FallbackStepOptions), typeof(FallbackMapOptions),
        typeof(ChaosOptions),
        typeof(PredictionStatus), typeof(PredictionErrorCode), typeof(ModelLoadFailure), typeof(ExecutionProvider), typeof(ElementType),
        typeof(QuantizationOptions), typeof(QuantizationGate), typeof(PreprocessingOptions), typeof(DynamicQuantizationOptions),
        typeof(WeightQuantizationOptions), typeof(ModelQuantizationOptions), typeof(QuantizationMethod), typeof(CalibrationMethod),
        typeof(GateFailureAction), typeof(QuantizationFailure),
    ];

    /// <summary>Options that are one value: their summary names the default.</summary>
    public static TheoryData<Type, string> Values =>
    [
        .. from row in Documented
           where !row.Data.IsEnum
           from property in row.Data.GetProperties()
           where property.PropertyType.IsValueType || property.PropertyType == typeof(string)
           select new TheoryDataRow<Type, string>(row.Data, property.Name),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Tables_OfADocument_SayWhatTheCodeSays(string name)
    {
        if (IsUpdate) Update(name);
        var differences = ReferenceTable.Of(MarkdownDocument.Load(name)).SelectMany(static table => table.Differences()).ToList();
        Assert.True(
            differences.Count == 0, $"{string.Join('\n', differences)}\nMLSERVE_UPDATE_DOCS=1 in the environment writes the tables anew.");
    }

    [Theory]
    [MemberData(nameof(Documented))]
    public void Type_OfTheContract_HasOneTable(Type type) => Assert.Single(
        Repository.Documents.SelectMany(static name => ReferenceTable.Of(MarkdownDocument.Load(name))), table => table.Type == type);

    [Fact]
    public void Types_CalledOptions_AreAllDocumented() => Assert.All(
        new[] { typeof(OnnxPredictor).Assembly, typeof(MlServingOptions).Assembly,
            typeof(OnnxQuantizer).Assembly }.SelectMany(static assembly => assembly.GetExportedTypes())
            .Where(static type => type.Name.EndsWith("Options", StringComparison.Ordinal)
                || type.Name.EndsWith("Limits", StringComparison.Ordinal)),
        static type => Assert.Contains(Documented, row => row.Data == type));

    [Theory]
    [MemberData(nameof(Values))]
    public void Summary_DefaultThatItNames_IsTheCodes(Type type, string option)
    {
        var property = type.GetProperty(option)!;
        var summary = XmlDocs.SummaryOf(property);
        var said = SaidDefault.Match(summary);
        Assert.True(said.Success, $"{type.Name}.{option} names no default: {summary}");
        Assert.Contains(
            said.Groups["value"].Value.Replace(",", "", StringComparison.Ordinal),
            Spellings(property.GetValue(Activator.CreateInstance(type))));
    }

    [Fact]
    public void Differences_OptionWithoutARow_AreFound()
    {
        var table = TableOf("| `Outputs` | `IReadOnlyList<string>?` | null | what |", "PredictionOptions");
        Assert.Contains(table.Differences(), static message => message.Contains("`Timeout` of PredictionOptions stands 0 times"));
        Assert.DoesNotContain(table.Differences(), static message => message.Contains("`Outputs` of PredictionOptions stands 0 times"));
        Assert.Contains(
            TableOf("", "PredictionOptions").Differences(),
            static message => message.Contains("`Outputs` of PredictionOptions stands 0 times"));
    }

    [Fact]
    public void Differences_RowWithoutAnOption_AreFound()
    {
        var table = TableOf("| `Other` | `int` | 1 | what |", "PredictionOptions");
        Assert.Contains(table.Differences(), static message => message == "docs/broken.md:3: there is no `Other` in PredictionOptions.");
    }

    [Fact]
    public void Updated_AuthorsColumn_StaysWithItsRow()
    {
        const string Text = """
            <!-- enum: MlServe.Onnx.BatchDetection -->
            | value | what | when |
            |---|---|---|
            | `None` | old | often |
            after
            """;
        var updated = ReferenceTable.Of(MarkdownDocument.Parse("docs/some.md", Text)).Single().Updated().ToList();
        Assert.EndsWith(" | |", updated[3], StringComparison.Ordinal);
        Assert.Equal("| `None` | The model takes one row at a time. | often |", updated[4]);
        Assert.Equal("after", updated[5]);
    }

    /// <summary>How a summary may write a value.</summary>
    private static IEnumerable<string> Spellings(object? value)
    {
        yield return value switch
        {
            null => "null",
            bool flag => flag ? "true" : "false",
            TimeSpan time => time.ToString("c"),
            Enum name => $"`{name.GetType().Name}.{name}`",
            string text => $"`{text}`",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };
        if (value is long bytes && bytes % Mebibyte == 0) yield return $"{bytes / Mebibyte} MiB";
    }

    [GeneratedRegex(@"Default: (?<value>`[^`]+`|[\d,:.]*\d( MiB)?|\w+)")]
    private static partial Regex SaidDefault { get; }

    private static ReferenceTable TableOf(string row, string type) => ReferenceTable.Of(MarkdownDocument.Parse(
        "docs/broken.md",
        $"# Title\n\n<!-- options: MlServe.{type} -->\n| option | type | default | what, in which range, and why that default "
            + $"|\n|---|---|---|---|\n{row}\n"))
        .Single();

    private static void Update(string name)
    {
        for (var i = 0; i < ReferenceTable.Of(MarkdownDocument.Load(name)).Count; i++)
        {
            var lines = ReferenceTable.Of(MarkdownDocument.Load(name))[i].Updated();
            File.WriteAllText(Repository.PathOf(name), string.Join('\n', lines) + "\n");
        }
    }
}
