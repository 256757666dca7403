using Microsoft.Extensions.Time.Testing;
using MlServe.Onnx;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Evaluation;

/// <summary>The time for a quantization ends at every point that it goes through. Time passes only as the tests say.</summary>
public class BudgetTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(10);

    private static readonly QuantizationOptions Options = new()
    {
        MinMultiplications = 0,
        SearchBudget = Budget,
        Gate = new() { MinSpeedup = 0, MinSpeed = 0, MinAgreement = null },
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RunAsync_TimeEndsAtEachStep_WritesTheSourceUntilSomethingHasPassed()
    {
        var steps = new List<QuantizationProgress>();
        await RunAsync(Culprit.Model(), new(), Options.CalibrateWith(Culprit.Samples()), steps.Add);
        Assert.Equal(7, steps.Select(static step => step.Stage).Distinct().Count());
        for (var end = 0; end < steps.Count; end++)
        {
            var (time, at) = (new FakeTimeProvider(), 0);
            var report = await RunAsync(Culprit.Model(), time, Options.CalibrateWith(Culprit.Samples()), _ =>
            {
                if (at++ == end) time.Advance(Budget);
            });
            if (steps[end].Stage == QuantizationStage.Writing)
            {
                Assert.Equal((QuantizationMethod.Static, false), (report.Method, report.EndedEarly));
                continue;
            }

            RequireUntouched(report, steps[end].Message);
        }
    }

    [Fact]
    public async Task RunAsync_TimeEndsWhileSamplesAreRead_WritesTheSourceUntilSomethingHasPassed()
    {
        var reads = 0;
        await RunAsync(Culprit.Model(), new(), Options.CalibrateWith(Read(() => reads++)));
        Assert.True(reads > 150, $"{reads} reads");
        for (var end = 0; end < reads; end += 17)
        {
            var (time, at) = (new FakeTimeProvider(), 0);
            var report = await RunAsync(Culprit.Model(), time, Options.CalibrateWith(Read(() =>
            {
                if (at++ == end) time.Advance(Budget);
            })));

            // The last of all samples is read for the last word: what passed until then has not passed that.
            RequireUntouched(report, $"read {end} of {reads}");
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RunAsync_TimeEndsInTheUsersMeasure_CountsAsNotTried(bool isHeeded)
    {
        var time = new FakeTimeProvider();
        var options = Options.CalibrateWith(Culprit.Samples()) with
        {
            Method = QuantizationMethod.Dynamic,
            Gate = Options.Gate with
            {
                MinSnrDb = null,
                Evaluate = (_, token) =>
                {
                    time.Advance(Budget);
                    if (isHeeded) token.ThrowIfCancellationRequested();
                    return ValueTask.FromResult(1d);
                },
            },
        };
        RequireUntouched(await RunAsync(Culprit.Model(), time, options), "measure");
    }

    [Theory]
    [InlineData(false, QuantizationMethod.Int8Storage)]
    [InlineData(true, QuantizationMethod.None)]
    public async Task RunAsync_SearchEndsAndSomeTimeIsKept_FallsBackOnWhatIsProven(bool hasRewrites, QuantizationMethod expected)
    {
        var time = new FakeTimeProvider();
        var model = hasRewrites ? WithRewrites() : Culprit.Model();
        var isAtEnd = false;
        var report = await RunAsync(model, time, Options.CalibrateWith(Read(() => time.Advance(Budget / 1000))), progress =>
        {
            if (progress.Stage != QuantizationStage.Measuring || isAtEnd) return;
            isAtEnd = true;
            time.SetUtcNow(time.Start + (Budget * (hasRewrites ? 0.965 : 0.85)));
        });
        Assert.Equal((expected, true, true), (report.Method, report.Passed, report.EndedEarly));
        Assert.False(report.Plan.KeepsOriginal);
        Assert.Contains("the budget of 10 s ended", report.FallbackReason, StringComparison.Ordinal);
        Assert.DoesNotContain(report.SearchSteps, static step => step.Method == QuantizationMethod.Static);
        Assert.Equal(
            hasRewrites, report.ToString().StartsWith("result      NOT QUANTIZED: the budget of 10 s ended", StringComparison.Ordinal));
    }

    [Fact]
    public async Task RunAsync_TimeEndsAndFailingIsAsked_ThrowsAndSaysHowLongToGive()
    {
        var time = new FakeTimeProvider();
        var options = Options.CalibrateWith(Culprit.Samples()) with { OnGateFailure = GateFailureAction.Throw };
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            RunAsync(Culprit.Model(), time, options, _ => time.Advance(Budget)));
        Assert.Equal(QuantizationFailure.GateFailed, exception.Failure);
        Assert.Contains(
            "the budget of 10 s ended before any candidate had passed its gate; give it about", exception.Message,
            StringComparison.Ordinal);
        Assert.True(exception.IsCloseCall);
    }

    [Fact]
    public async Task RunAsync_CallerGivesUpWhenTimeIsOver_IsCancelled()
    {
        var time = new FakeTimeProvider();
        using var cancellation = new CancellationTokenSource();
        var options = Options.CalibrateWith(Culprit.Samples()) with
        {
            Progress = new Told(_ =>
            {
                time.Advance(Budget);
                cancellation.Cancel();
            }),
        };
        var run = new QuantizationRun(ModelSource.FromBytes(Culprit.Model(), "m"), "q.onnx", options, cancellation.Token, time);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(run.RunAsync);
    }

    [Fact]
    public async Task RunAsync_BudgetWithoutEnd_IsAsBefore()
    {
        var options = Options.CalibrateWith(Culprit.Samples());
        var expected = await RunAsync(Culprit.Model(), new(), options);
        var endless = await RunAsync(Culprit.Model(), new(), options with { SearchBudget = TimeSpan.MaxValue });
        Assert.Equal(expected.Plan.ToJson(), endless.Plan.ToJson());
        Assert.False(endless.EndedEarly);
    }

    [Fact]
    public async Task Calibration_TimeIsShort_IsCutAndTheLastWordIsNot()
    {
        var time = new FakeTimeProvider();
        using var clock = new SearchClock(Budget, Token, time);
        var samples = Trial.Samples(OnnxModel.Mlp(3, 4, 16, 3), Slow());
        samples.Clock = clock;
        var (calibrated, judged) = (0, 0);
        await foreach (var _ in samples.Calibration(Token)) calibrated++;
        Assert.Equal((16, 16), (calibrated, samples.CutTo));
        await foreach (var _ in samples.HeldBack(Token)) judged++;
        Assert.Equal(100, judged);

        IEnumerable<PredictionInputs> Slow()
        {
            foreach (var sample in Trial.RandomInputs(200, 1, 4))
            {
                time.Advance(Budget / 100);
                yield return sample;
            }
        }
    }

    [Fact]
    public void Measure_NoTimeIsLeft_TakesTheLeastPairs()
    {
        var estimate = SpeedComparison.Measure(Spin, Spin, 1, SpeedClock.WallClock, Token, mostSeconds: 0);
        Assert.Equal(SpeedComparison.MinPairs, estimate.Pairs);

        static void Spin(int runs) => Thread.SpinWait(20_000 * runs);
    }

    private static void RequireUntouched(QuantizationReport report, string where)
    {
        Assert.True(
            report is { EndedEarly: true, Passed: true, IsQuantized: false, Plan.KeepsOriginal: true, IsCloseCall: true },
            $"{where}\n{report}");
        Assert.DoesNotContain(report.SearchSteps, static step => step is { Passed: true, IsFinal: true });
        Assert.Contains(
            "the budget of 10 s ended before any candidate had passed its gate; give it about", report.FallbackReason,
            StringComparison.Ordinal);
        Assert.StartsWith("result      NOT QUANTIZED: the budget of 10 s ended", report.ToString(), StringComparison.Ordinal);
        Assert.Contains("\"endedEarly\": true", report.ToJson(), StringComparison.Ordinal);
    }

    private static async Task<QuantizationReport> RunAsync(
        byte[] model, FakeTimeProvider time, QuantizationOptions options, Action<QuantizationProgress>? told = null)
    {
        options = options with { Progress = told is null ? null : new Told(told) };
        var (report, written) = await new QuantizationRun(ModelSource.FromBytes(model, "m"), "q.onnx", options, Token, time).RunAsync();
        Assert.Equal(report.Bytes, written.Length);
        using var session = Runtime.GraphSession.Open(written);
        return report;
    }

    private static IEnumerable<PredictionInputs> Read(Action onRead)
    {
        foreach (var sample in Culprit.Samples())
        {
            onRead();
            yield return sample;
        }
    }

    /// <summary>A product whose bias is a sum of constants, which folding takes away.</summary>
    private static byte[] WithRewrites()
    {
        float[] weights = [.. Enumerable.Range(0, 48 * 48).Select(static i => MathF.Sin(i))];
        return new OnnxModel().Input("x", OnnxModel.Float, "batch", 48).Output("y", OnnxModel.Float, "batch", 48)
            .Initializer("w", weights, 48, 48).Initializer("b1", new float[48], 48).Initializer("b2", weights[..48], 48)
            .Node("Add", ["b1", "b2"], ["b"]).Node("Gemm", ["x", "w", "b"], ["y"]).ToBytes();
    }

    private sealed class Told(Action<QuantizationProgress> action) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value) => action(value);
    }
}
