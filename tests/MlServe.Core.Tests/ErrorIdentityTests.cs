using System.Text.RegularExpressions;
using MlServe.Onnx;
using MlServe.Resilience;
using MlServe.Tests.Fakes;
using MlServe.Tests.Monitoring;

namespace MlServe.Tests;

/// <summary>An error says which version did not answer, whichever layer made it; and so do the metrics.</summary>
public sealed class ErrorIdentityTests
{
    /// <summary>Makers of errors that are told later, at one place, whose they are, or that no version is to blame for.</summary>
    private static readonly string[] NotTheirs =
    [
        "Onnx/Requests/RequestErrors.cs", "Onnx/Requests/InputGuards.cs", // OnnxExecutor.Prepare
        "Resilience/Polly/PollyPredictor.cs", // where it answers
        "Resilience/Fallbacks/", // of those that stand in; the error itself is the model's
    ];

    private static readonly PredictionInputs Row = PredictionInputs.Row(new float[4]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Sources_EveryErrorOfARoom_SaysWhose()
    {
        var made = 0;
        var faults = new List<string>();
        foreach (var (path, text) in MlServe.ArchitectureTests.SourcesOf("MlServe.Core"))
        {
            if (!Regex.IsMatch(path, "^(Onnx|Batching|Caching|Resilience)/") || NotTheirs.Any(path.Contains)) continue;
            foreach (Match match in Regex.Matches(text, @"new(?: PredictionError)?\(\s*PredictionStatus\.[\s\S]*?;"))
            {
                made++;
                if (!match.Value.Contains("Model = ",
                    StringComparison.Ordinal)) faults.Add($"{path}: {match.Value[..Math.Min(120, match.Value.Length)]}");
            }

            foreach (Match match in Regex.Matches(text, @"OwnedInputs\.Unreadable\(\w+\)(?!\.Of\()"))
                faults.Add($"{path}: {match.Value}");
        }

        Assert.True(made > 20, $"Only {made} errors were found: the test does not see the sources.");
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    [Fact]
    public async Task PredictAsync_EachKindOfRefusal_SaysWhichVersion()
    {
        var gate = new RunGate(1);
        await using var model = TinyModels.Affine().Load(new() { MaxRequestBytes = 1000, MaxQueuedRequests = 1 }, new()
        {
            Name = "m",
            Version = "7",
            RunGate = gate
        });
        await using var batched = new PredictorBuilder(model).UseBatching(static options => options.MaxQueuedRows = 1).Build();
        await using var timed = new PredictorBuilder(model).UseTimeout(TimeSpan.FromTicks(1)).Build();
        await using var broken = new PredictorBuilder(model).UseCircuitBreaker().Build();
        await using var invalid = new PredictorBuilder(model).UseCircuitBreaker(static options => options.OutputCheck = static _ =>
            false).Build();
        await using var chaotic = new PredictorBuilder(model).UseChaos(static chaos => (chaos.Enabled, chaos.FailureRate) = (true,
            1)).Build();
        await using var cached = new PredictorBuilder(batched).UseCache().UseTelemetry("m").Build();
        await using var alone = new PredictorBuilder(model).UseFallback(static fallback =>
            fallback.ThenStaleAnswer()).UseCache().UseBatching().Build();
        var tooLarge = PredictionInputs.Rows(new float[4000], 1000);
        var wrong = PredictionInputs.Row(new double[4]);
        var seen = new List<PredictionErrorCode>();
        foreach (var predictor in (IPredictor[])[model, batched, timed, broken, invalid, chaotic, cached, alone])
        {
            foreach (var inputs in (PredictionInputs[])[wrong, tooLarge, PredictionInputs.Rows(new float[8], 2), Row])
                await CheckAsync(predictor, inputs, null);
            await CheckAsync(predictor, Row, new() { Outputs = ["none"] });
            await CheckAsync(predictor, Row, new() { Timeout = TimeSpan.Zero });
            await CheckAsync(predictor, Row, new() { Timeout = TimeSpan.FromTicks(1) });
        }

        broken.GetService<ICircuitBreaker>()!.Open();
        await CheckAsync(broken, Row, null);
        broken.GetService<ICircuitBreaker>()!.Isolate();
        await CheckAsync(broken, Row, null);

        // A run that was given up may not have ended yet.
        await Eventually.BecomesTrue(gate.TryEnter, "the gate is free");
        foreach (var predictor in (IPredictor[])[model, batched])
        {
            // One waits; the next finds the line full; and the first waits in vain.
            var waits = predictor.PredictAsync(Row, new() { Timeout = TimeSpan.FromMilliseconds(50) }, Token).AsTask();
            while (seen.Count(static code => code == PredictionErrorCode.QueueFull) == (ReferenceEquals(predictor, model) ? 0 : 1))
            {
                await CheckAsync(predictor, Row, new() { Timeout = TimeSpan.FromMilliseconds(1) });
                if (!waits.IsCompleted) continue;
                Check(await waits);
                waits = predictor.PredictAsync(Row, new() { Timeout = TimeSpan.FromMilliseconds(50) }, Token).AsTask();
            }

            Check(await waits);
        }

        gate.Exit();
        Assert.Superset(
            new HashSet<PredictionErrorCode>
            {
                PredictionErrorCode.InputTypeMismatch, PredictionErrorCode.RequestTooLarge, PredictionErrorCode.OutputUnknown,
                    PredictionErrorCode.TimedOut, PredictionErrorCode.CircuitOpen,
                PredictionErrorCode.CircuitIsolated, PredictionErrorCode.OutputInvalid, PredictionErrorCode.FaultInjected,
                    PredictionErrorCode.QueueFull,
            },
            seen.ToHashSet());

        async Task CheckAsync(IPredictor predictor, PredictionInputs inputs, PredictionOptions? options) =>
            Check(await predictor.PredictAsync(inputs, options, Token));

        void Check(Prediction answer)
        {
            using (answer)
            {
                if (answer.IsOk) return;
                seen.Add(answer.Error.Code);
                Assert.Equal(("m", "7"), (answer.Error.Model?.Name, answer.Error.Model?.Version));
                Assert.Equal(answer.Error.Model, answer.Origin.Model);
                Assert.Equal(default, answer.Origin with { Model = null });
            }
        }
    }

    [Fact]
    public async Task Metrics_OfAnErrorsMaker_HaveTheModelsNameForATag()
    {
        using var meters = new FakeMeterFactory();
        using var faults = new Microsoft.Extensions.Diagnostics.Metrics.Testing.MetricCollector<long>(meters, MlServeDiagnostics.MeterName,
            MlServeDiagnostics.ChaosFaultsMetric);
        using var model = new FakePredictor { Service = new ModelIdentity("m", "7") };
        using var chaotic = new PredictorBuilder(model).UseChaos(static chaos => (chaos.Enabled, chaos.FailureRate) = (true,
            1)).Build(new FakeServices(meters));
        (await chaotic.PredictAsync(Answers.Request(1), cancellationToken: Token)).Dispose();

        Assert.Equal("m", Assert.Single(faults.GetMeasurementSnapshot()).Tags[MlServeDiagnostics.ModelTag]);
    }

    [Fact]
    public void Error_OfAModelAlready_KeepsIt()
    {
        var (first, second) = (new ModelIdentity("first"), new ModelIdentity("second"));
        var error = new PredictionError(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "{0}",
            1)
        { RetryAfter = TimeSpan.FromSeconds(2), Exception = new FormatException() };
        var told = error.Of(first).AsIsolated().WithFallbacks([error]).Of(second);

        Assert.Equal((null, false), (error.Model, error.IsIsolated));
        Assert.Equal((first, true, error.Exception, error.RetryAfter, "1"), (told.Model, told.IsIsolated, told.Exception, told.RetryAfter,
            told.Message));
        Assert.Same(error, Assert.Single(told.FallbackErrors));
        Assert.Same(told, told.Of(second));
    }

    [Fact]
    public async Task Metrics_VersionsComeAndGo_TagIsBounded()
    {
        using var host = new TelemetryHarness();
        ModelIdentity version = new("digits");
        var isRefused = false;
        using var pipeline = host.Build(new FakePredictor((inputs, _) => new(isRefused
            ? Prediction.FromError(FakePredictor.Refusal.Of(version))
            : Answers.Of(1, new() { Model = version }))));
        var tags = new List<object?>();
        async Task AskAsync(ModelIdentity next)
        {
            version = next;
            host.Durations.Clear();
            (await pipeline.PredictAsync(Answers.Request(1), cancellationToken: Token)).Dispose();
            tags.Add(Assert.Single(host.Durations.GetMeasurementSnapshot()).Tags[MlServeDiagnostics.VersionTag]);
        }

        await AskAsync(new("digits", "2", new('a', 64)));
        await AskAsync(new("digits", "2", new('b', 64)));
        await AskAsync(new("digits", "2", new('a', 64)));
        isRefused = true;
        await AskAsync(new("digits", "2", new('b', 64)));
        for (var i = 0; i < 30; i++)
            await AskAsync(new("digits", $"v{i}"));
        await AskAsync(new("digits", "2", new('b', 64)));

        Assert.Equal(["2", "2@bbbbbbbbbbbb", "2", "2@bbbbbbbbbbbb"], tags.Take(4));
        Assert.Equal(Enumerable.Range(0, 14).Select(static i => $"v{i}"), tags.Skip(4).Take(14));
        Assert.All(tags.Skip(18).Take(16), static tag => Assert.Equal("other", tag));
        Assert.Equal("2@bbbbbbbbbbbb", tags[^1]);
    }

    [Fact]
    public async Task Metrics_AnotherModelAnswers_VersionIsTheOneThatDidNot()
    {
        using var host = new TelemetryHarness();
        using var first = new FakePredictor(FakePredictor.Refusal.Of(new("digits", "3")));
        using var other = new FakePredictor((inputs, _) => new(Answers.Of(1, new() { Model = new("other", "9") })));
        using var pipeline = new PredictorBuilder(first).UseTelemetry("digits").UseFallback(fallback => fallback.To(other,
            "other")).Build(host.Services);
        using var answer = await pipeline.PredictAsync(Answers.Request(1), cancellationToken: Token);

        Assert.True(answer.IsOk);
        Assert.Equal("3", Assert.Single(host.Durations.GetMeasurementSnapshot()).Tags[MlServeDiagnostics.VersionTag]);
    }
}
