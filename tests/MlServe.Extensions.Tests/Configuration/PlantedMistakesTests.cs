using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Xunit;

namespace MlServe.Configuration;

/// <summary>Each mistake is told at the start and at a reload alike, with key, value and remedy; and all of them together.</summary>
public sealed class PlantedMistakesTests : IDisposable
{
    private const string Models = "MlServing:Models";

    /// <summary>Keys and values, and what must stand in one and the same message.</summary>
    private static readonly Dictionary<string, Mistake> All = new()
    {
        ["host option out of range"] = new([("MlServing:MaxConcurrentRuns", "0")], ["MlServing:MaxConcurrentRuns is 0", "1 to 1024"]),
        ["host option misspelt"] = new([("MlServing:DrainTimout", "00:00:01")], ["MlServing:DrainTimout", "Did you mean 'DrainTimeout'?"]),
        ["option misspelt"] = new([($"{Models}:a:Vresion", "1")], [$"{Models}:a:Vresion", "Did you mean 'Version'?"]),
        ["nested option misspelt"] = new(
            [($"{Models}:b:Onnx:InspectionLimits:MaxNods", "1")],
            [$"{Models}:b:Onnx:InspectionLimits:MaxNods", "Did you mean 'MaxNodes'?"]),
        ["value that cannot be read"] = new(
            [($"{Models}:c:Onnx:LoadTimeout", "10")], [$"{Models}:c:Onnx:LoadTimeout is '10'", "a time as hh:mm:ss"]),
        ["value out of range"] = new(
            [($"{Models}:d:Onnx:IntraOpThreads", "5000")], [$"{Models}:d:Onnx:IntraOpThreads is 5000", "0 to 1024"]),
        ["provider out of range"] = new(
            [($"{Models}:e:Onnx:ExecutionProviders:0:DeviceId", "-1")],
            [$"{Models}:e:Onnx:ExecutionProviders:0:DeviceId is -1", "0 or more"]),
        ["file that is not there"] = new([($"{Models}:f:Path", "n.onnx")], [$"{Models}:f", "n.onnx", "Did you mean 'm.onnx'?"]),
        ["file that is torn"] = new([($"{Models}:g:Path", "torn.onnx")], [$"{Models}:g", "torn.onnx"]),
        ["free dimension that is none"] = new(
            [($"{Models}:h:Onnx:FreeDimensions:NN", "4")], [$"{Models}:h:Onnx:FreeDimensions:NN", "Did you mean 'N'?"]),
        ["batch axis of an input that is none"] = new(
            [($"{Models}:i:Onnx:BatchAxes:xx", "0")], [$"{Models}:i:Onnx:BatchAxes:xx", "Did you mean 'x'?"]),
        ["input that is none"] = new(
            [($"{Models}:j:Onnx:NonFiniteInputs:xx", "NaN")], [$"{Models}:j:Onnx:NonFiniteInputs:xx", "Did you mean 'x'?"]),
        ["layer that is off"] = new([($"{Models}:k:Cache:SizeLimit", "65536")], [$"{Models}:k:Cache has no effect", "UseCache"]),
        ["chain that names nobody"] = new(
            [($"{Models}:alpha:Path", "m.onnx"), ($"{Models}:l:Fallback:0:Model", "alpa")],
            [$"{Models}:l:Fallback", "'alpa'", "Did you mean 'alpha'?"]),
        ["value for an output that is none"] = new(
            [($"{Models}:m:Fallback:0:Value:yy:0", "1")], [$"{Models}:m:Fallback:0", "'yy'", "Did you mean 'y'?"]),
        ["value of another length"] = new(
            [($"{Models}:n:Fallback:0:Value:y:0", "1"), ($"{Models}:n:Fallback:0:Value:y:1", "2")],
            [$"{Models}:n:Fallback:0", "'y' a value of 2 numbers", "has 1"]),
        ["map for an output that is none"] = new(
            [($"{Models}:o:Fallback:0:Maps:0:Output", "y"), ($"{Models}:o:Fallback:0:Maps:0:Entries:1", "0.5")],
            [$"{Models}:o:Fallback:0", "'y'", "Give it a row of numbers"]),
        ["stale answers that nobody keeps"] = new(
            [($"{Models}:p:Fallback:0:StaleAnswer", "true")], [$"{Models}:p:Fallback:0:StaleAnswer is true", "Set UseCache"]),
        ["padding of an input that is none"] = new(
            [
                ($"{Models}:q:UseBatching", "true"), ($"{Models}:q:Batching:Padding:Axis", "N"),
                ($"{Models}:q:Batching:Padding:Buckets:0", "4"), ($"{Models}:q:Batching:Padding:Values:xx", "0"),
            ],
            [$"{Models}:q:Batching:Padding:Values:xx", "Did you mean 'x'?"]),
        ["probability of an output that is none"] = new(
            [($"{Models}:r:UseCircuitBreaker", "true"), ($"{Models}:r:CircuitBreaker:ProbabilityOutputs:0", "yy")],
            [$"{Models}:r:CircuitBreaker:ProbabilityOutputs", "'yy'", "Did you mean 'y'?"]),
        ["answers of a model that is none"] = new(
            [($"{Models}:s:UseCache", "true"), ($"{Models}:s:Cache:AcceptVaryingAnswersOf", "sss")],
            [$"{Models}:s:Cache:AcceptVaryingAnswersOf is 'sss'", "There is no model 'sss'"]),
        ["faults that are not enabled"] = new(
            [($"{Models}:t:Chaos:FailureRate", "0.5")], [$"{Models}:t:Chaos has no effect", "Enabled"]),
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TestHost _test = new();
    private readonly FakeLogCollector _logs = new();

    public PlantedMistakesTests() => File.WriteAllBytes(Path.Combine(_test.Folder, "torn.onnx"), TinyOnnx.WeightedSum()[..40]);

    public static TheoryData<string> Names => [.. All.Keys];

    public void Dispose() => _test.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public Task One_AtStartAndAtReload_IsToldWithKeyValueAndRemedy(string name) => CheckAsync([All[name]]);

    [Fact]
    public Task AllInOneHost_AtStartAndAtReload_AreToldInOneAnswer() => CheckAsync([.. All.Values]);

    private async Task CheckAsync(Mistake[] mistakes)
    {
        var settings = mistakes.SelectMany(static mistake => mistake.Settings).ToArray();
        var atStart = await StartAsync(settings);
        var atReload = await ReloadAsync(settings);

        Assert.Equal(atStart, atReload);
        foreach (var mistake in mistakes)
            Assert.Contains(atStart, line => mistake.Words.All(word => line.Contains(word, StringComparison.Ordinal)));
        Assert.DoesNotContain(atStart, static line => line.Contains("(Parameter", StringComparison.Ordinal));
        Assert.Equal(mistakes.Length, atStart.Length);
    }

    private async Task<string[]> StartAsync((string Key, string Value)[] settings)
    {
        using var host = Build(settings);
        var thrown = await Assert.ThrowsAnyAsync<Exception>(() => host.StartAsync(Token));
        return thrown is OptionsValidationException invalid ? [.. invalid.Failures] : thrown.Message.Split(Environment.NewLine);
    }

    private async Task<string[]> ReloadAsync((string Key, string Value)[] settings)
    {
        using var host = Build([]);
        await host.StartAsync(Token);
        var configuration = (IConfigurationRoot)host.Services.GetRequiredService<IConfiguration>();
        foreach (var (key, value) in Whole(settings))
            configuration[key] = value;
        configuration.Reload();
        for (var wait = 0; wait < 3000 && !_logs.GetSnapshot().Any(static entry => entry.Id.Id == 4012); wait++)
            await Task.Delay(10, Token);
        var told = Assert.Single(_logs.GetSnapshot(), static entry => entry.Id.Id == 4012);
        await host.StopAsync(Token);
        return told.StructuredState!.Single(static pair => pair.Key == "Problems").Value!.Split(Environment.NewLine);
    }

    /// <summary>A path for each model that has none.</summary>
    private static Dictionary<string, string?> Whole((string Key, string Value)[] settings)
    {
        Dictionary<string, string?> whole = [];
        foreach (var (key, _) in settings.Where(static pair => pair.Key.StartsWith($"{Models}:", StringComparison.Ordinal)))
            whole[$"{Models}:{key.Split(':')[2]}:Path"] = "m.onnx";
        foreach (var (key, value) in settings)
            whole[key] = value;
        return whole;
    }

    private IHost Build((string Key, string Value)[] settings) => _test.Build((builder, configuration) =>
    {
        configuration.AddInMemoryCollection(Whole([(Models + ":good:Version", "1"), .. settings]));
        builder.Services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(_logs));
        builder.Services.AddMlServing();
    });

    private sealed record Mistake((string Key, string Value)[] Settings, string[] Words);
}
