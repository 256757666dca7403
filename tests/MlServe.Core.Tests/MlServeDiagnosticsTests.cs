using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Logging;
using MlServe.Monitoring;

namespace MlServe.Tests;

public sealed class MlServeDiagnosticsTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(FindRoot(), "docs", "observability.md"));

    public static TheoryData<string, string> Constants =>
        [.. typeof(MlServeDiagnostics).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(static constant => new TheoryDataRow<string, string>(constant.Name, (string)constant.GetRawConstantValue()!))];

    [Theory]
    [MemberData(nameof(Constants))]
    public void Page_EveryName_IsExplained(string constant, string name) =>
        Assert.True(Page.Contains($"`{name}`", StringComparison.Ordinal), constant);

    [Fact]
    public void Page_EveryErrorType_IsListed() => Assert.All(
        Enum.GetValues<PredictionStatus>().Where(static status => status != PredictionStatus.Ok),
        static status => Assert.Contains($"`{status.ToTag()}`", Page, StringComparison.Ordinal));

    [Fact]
    public void Page_EveryLogEvent_IsListedAndItsIdIsItsOwn()
    {
        var messages = typeof(LogMessages).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Select(static method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>().ToArray();

        Assert.NotEmpty(messages);
        Assert.Distinct(messages.Select(static message => message.EventId));
        Assert.All(messages, static message => Assert.Contains(
            string.Create(CultureInfo.InvariantCulture, $"| {message.EventId} | {message.Level} |"), Page, StringComparison.Ordinal));
    }

    [Fact]
    public void Page_Buckets_AreThoseOfTheHistogram() => Assert.Contains(
        string.Join(", ", PredictionMetrics.For(null).Duration.Instrument!.Advice!.HistogramBucketBoundaries!),
        string.Join(' ', Page.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "MlServe.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("No folder above the tests holds MlServe.sln.");
    }
}
