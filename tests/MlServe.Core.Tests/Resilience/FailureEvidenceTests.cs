using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using MlServe.Batching;
using MlServe.Fakes;
using MlServe.Onnx;
using MlServe.Resilience;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

/// <summary>
/// Legal requests that a model cannot answer close nobody else's door: the circuit asks a row that is known to be good before it blames the
/// model. All through the real runtime; y = log(x), which is NaN for negative numbers.
/// </summary>
public sealed class FailureEvidenceTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new();
    private readonly LogList _log = new();

    public void Dispose() => _log.Dispose();

    [Theory]
    [InlineData("direct", 0)]
    [InlineData("direct", 20)]
    [InlineData("direct", null)]
    [InlineData("batched", 0)]
    [InlineData("batched", 20)]
    [InlineData("batched", null)]
    [InlineData("all layers", 0)]
    [InlineData("all layers", 20)]
    [InlineData("all layers", null)]
    public async Task PredictAsync_FifteenOf300CannotBeAnswered_NoneOfTheOthersIsRefused(string way, int? goodOnesBefore)
    {
        using var model = Log().Load();
        await using var pipeline = Build(model, way);
        int[] order = [.. Enumerable.Range(15, goodOnesBefore ?? 0), .. Enumerable.Range(0, 15),
            .. Enumerable.Range(15 + (goodOnesBefore ?? 0), 285 - (goodOnesBefore ?? 0))];
        if (goodOnesBefore is null) new Random(5).Shuffle(order);
        foreach (var group in order.Chunk(10))
        {
            var asked = group.Select(i => (i, Task: AskAsync(pipeline, i < 15 ? -1 - i : i))).ToList();
            foreach (var (i, task) in asked)
            {
                using var answer = await task;
                if (i < 15) Assert.Equal(PredictionErrorCode.OutputInvalid, answer.Error.Code);
                else Assert.Equal(MathF.Log(i), answer.EnsureOk()["y"].AsSpan<float>()[0], 1e-4f);
            }
        }

        var circuit = pipeline.GetService<ICircuitBreaker>()!;
        Assert.Equal((CircuitState.Closed, null), (circuit.State, circuit.LastFailure));
    }

    [Fact]
    public async Task PredictAsync_AttackerSendsNothingButRowsThatFail_TheCircuitStaysClosedAndItIsSaidOnce()
    {
        using var model = Log().Load();
        await using var pipeline = Build(model, "batched");
        for (var i = 1; i <= 500; i++)
        {
            using var answer = await AskAsync(pipeline, -i);
            Assert.Equal(PredictionErrorCode.OutputInvalid, answer.Error.Code);
            if (i % 50 == 0) _clock.Advance(TimeSpan.FromSeconds(1));
        }

        using var good = await AskAsync(pipeline, 1);
        Assert.True(good.IsOk);
        await Eventually.BecomesTrue(
            () => _log.Entries.Any(static entry => entry.Id.Id == 6005), "it is said that the requests are to blame");
        Ask.Says(Assert.Single(_log.Entries, static entry => entry.Id.Id == 6005).Text, "the requests are to blame", "Output 'y'");
        Assert.Equal(CircuitState.Closed, pipeline.GetService<ICircuitBreaker>()!.State);
    }

    [Theory]
    [InlineData("direct")]
    [InlineData("batched")]
    public async Task PredictAsync_GoodRowFailsAsWell_TheCircuitOpensWithTheReason(string way)
    {
        using var model = Log().Load();
        var spoilt = new SpoiltPredictor(model) { SpoilsAll = true };
        await using var pipeline = Build(model, way, spoilt);
        var circuit = pipeline.GetService<ICircuitBreaker>()!;
        for (var i = 1; i <= 20; i++)
            (await AskAsync(pipeline, i)).Dispose();
        await Eventually.BecomesTrue(() => circuit.State == CircuitState.Open, "the circuit is open");
        Ask.Says(circuit.LastFailure!.Message, "'y'", "MlServing:Models:default:CircuitBreaker:RequireFiniteOutputs");
        using (var refused = await AskAsync(pipeline, 1))
            Assert.Equal(PredictionErrorCode.CircuitOpen, refused.Error.Code);

        // As long as it fails, trials do; the circuit stays open. Once the model is well, requests close it.
        _clock.Advance(TimeSpan.FromSeconds(6));
        (await AskAsync(pipeline, 1)).Dispose();
        await Eventually.BecomesTrue(() => circuit.State == CircuitState.Open, "the trial has failed");
        spoilt.SpoilsAll = false;
        _clock.Advance(TimeSpan.FromSeconds(12));
        for (var i = 0; i < 3; i++)
            (await AskAsync(pipeline, 1)).EnsureOk().Dispose();
        Assert.Equal(CircuitState.Closed, circuit.State);
    }

    [Fact]
    public async Task UseChaos_AllOutputsInvalid_OpensTheCircuitWithOneRowToo()
    {
        using var model = Log().Load();
        await using var pipeline = new PredictorBuilder(model).UseCircuitBreaker()
            .UseChaos(static chaos => (chaos.Enabled, chaos.InvalidOutputRate) = (true, 1))
            .Build(new FakeServices(_clock));
        for (var i = 1; i <= 20; i++)
            (await AskAsync(pipeline, 1)).Dispose();
        await Eventually.BecomesTrue(() => pipeline.GetService<ICircuitBreaker>()!.State == CircuitState.Open, "the circuit is open");
    }

    [Fact]
    public async Task PredictAsync_RowMakesTheRuntimeFail_CountsOnlyIfTheGoodRowFails()
    {
        using var model = Log().Load();
        var failing = new SpoiltPredictor(model) { FailsBelowZero = true };
        await using var pipeline = Build(model, "direct", failing);
        for (var i = 1; i <= 100; i++)
        {
            using var answer = await AskAsync(pipeline, -i);
            Assert.Equal(PredictionErrorCode.RuntimeFailed, answer.Error.Code);
        }

        (await AskAsync(pipeline, 1)).EnsureOk().Dispose();
        failing.FailsAll = true;
        _clock.Advance(TimeSpan.FromSeconds(2));
        var circuit = pipeline.GetService<ICircuitBreaker>()!;
        var patience = Stopwatch.StartNew();
        for (var i = 1; circuit.State != CircuitState.Open && patience.Elapsed < TimeSpan.FromMinutes(1); i++)
        {
            (await AskAsync(pipeline, i)).Dispose();
            if (i < 20) continue;

            // A trial of before may have ended late: its verdict holds for a second from then on.
            await Task.Delay(1, TestContext.Current.CancellationToken);
            _clock.Advance(TimeSpan.FromMilliseconds(50));
        }

        Assert.Equal(CircuitState.Open, circuit.State);
    }

    [Fact]
    public async Task PredictAsync_ManyFailuresAtOnce_TheGoodRowIsAskedOnceASecondInBulkAndInNobodysContext()
    {
        using var model = Log().Load();
        var watched = new SpoiltPredictor(model);
        await using var pipeline = Build(model, "direct", watched);
        SpoiltPredictor.Tenant.Value = "somebody";
        for (var second = 1; second <= 3; second++)
        {
            for (var i = 1; i <= 200; i++)
                (await AskAsync(pipeline, -i)).Dispose();

            // The trial before may have ended late: its verdict holds from then on, and the failure after that asks for one.
            while (watched.BulkCalls < second)
            {
                (await AskAsync(pipeline, -1)).Dispose();
                await Task.Delay(1, TestContext.Current.CancellationToken);
                _clock.Advance(TimeSpan.FromMilliseconds(10));
            }

            Assert.Equal(second, watched.BulkCalls);
            _clock.Advance(TimeSpan.FromSeconds(1.5));
        }

        Assert.Equal((3, null, TimeSpan.FromSeconds(10)), (watched.BulkCalls, watched.TenantOfBulk, watched.TimeoutOfBulk));
    }

    [Fact]
    public async Task PredictAsync_NoGoodRowIsKnown_OneRowDoesNotOpenTheCircuitAndDifferentRowsDo()
    {
        // A predictor of the application's offers no row to try.
        using var harness = new CircuitHarness();
        harness.Next = static () => Spoilt();
        await harness.SendAsync(40, harness.Next);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);

        // Two by turns are two rows, however often they come.
        for (var i = 0; i < 60; i++)
            (await harness.Pipeline.PredictAsync(Answers.Request(i % 2), cancellationToken: TestContext.Current.CancellationToken))
                .Dispose();
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        for (var i = 2; i < 20; i++)
            (await harness.Pipeline.PredictAsync(Answers.Request(i), cancellationToken: TestContext.Current.CancellationToken)).Dispose();
        Assert.Equal(CircuitState.Open, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_OutputWithoutElements_IsAnAnswer()
    {
        // The boxes that are kept; an image may have none.
        using var model = new TinyOnnx().Input("x", ElementType.Float, 1, 4).Weight("half", [0.5f], 1)
            .Node("Greater", "x half", "isKept").Node("Compress", "x isKept", "y").Output("y", ElementType.Float, "M").Load();
        using var pipeline = new PredictorBuilder(model).UseCircuitBreaker(static options => options.ProbabilityOutputs.Add("y")).Build();
        for (var i = 0; i < 30; i++)
        {
            using var none = Ask.The(pipeline, PredictionInputs.Row(PredictionInput.Tensor("x", new float[4], [1, 4])));
            Assert.Equal(0, none.EnsureOk()["y"].Length);
        }

        using var validated = await new PredictorBuilder(new FakePredictor((_, _) => new(Empty()))).UseCircuitBreaker().Build()
            .PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken);
        Assert.Equal(4, validated.EnsureOk().Count);
    }

    [Fact]
    public async Task PredictAsync_WhatGoodRowsAnswerIsNotFinite_IsNormalByOutputAndKind()
    {
        using var model = new TinyOnnx().Input("scores", ElementType.Float, "N", 4).Input("kept", ElementType.Int64, "N", 4)
            .Weight("least", [float.NegativeInfinity], 1)
            .Node("Cast", "kept", "isKept", TinyOnnx.Int("to", 9)).Node("Where", "isKept scores least", "y").Node("Softmax", "y", "p")
            .Output("y", ElementType.Float, "N", 4).Output("p", ElementType.Float, "N", 4).Load();
        await using var pipeline = Build(model, "batched");
        PredictionInputs Row(params long[] kept) =>
            PredictionInputs.Row(PredictionInput.Tensor("scores", [1f, 2f, 3f, 4f]), PredictionInput.Tensor("kept", kept));
        (await pipeline.PredictAsync(Row(1, 0, 0, 1), null, TestContext.Current.CancellationToken)).EnsureOk().Dispose();

        // Nothing kept: the probabilities are NaN, which no good row gave.
        using var answer = await pipeline.PredictAsync(Row(0, 0, 0, 0), null, TestContext.Current.CancellationToken);
        Ask.Says(answer.Error.Message, "Output 'p'");
    }

    private static Prediction Empty()
    {
        var writer = PredictionWriter.Create();
        writer.AddTensor<float>("a", 0);
        writer.AddTensor<double>("b", 3, 0);
        writer.AddTensor<Half>("c", 0, 3);
        writer.AddTensor<BFloat16>("d", 0, 0);
        return writer.Complete();
    }

    private static Prediction Spoilt()
    {
        var writer = PredictionWriter.Create();
        writer.AddTensor<float>("id", 1)[0] = float.NaN;
        return writer.Complete();
    }

    private static TinyOnnx Log() =>
        new TinyOnnx().Input("x", ElementType.Float, "N", 2).Node("Log", "x", "y").Output("y", ElementType.Float, "N", 2);

    private static Task<Prediction> AskAsync(IPredictor pipeline, float number) =>
        pipeline.PredictAsync(PredictionInputs.Row([number, 1f]), null, TestContext.Current.CancellationToken).AsTask();

    private IPredictor Build(OnnxPredictor model, string way, SpoiltPredictor? between = null)
    {
        var builder = new PredictorBuilder(model);
        if (way == "all layers") builder.UseCache().UseTimeout();
        builder.UseCircuitBreaker(static options => options.Jitter = static () => 0.5);
        if (between is not null) builder.Use(inner => between.Around(inner));
        if (way != "direct") builder.UseBatching(static batching => batching.RunMode = RunMode.Queued);
        return builder.Build(new FakeServices(_clock, _log));
    }

    /// <summary>A model that can be made to fail, as a driver that fails would.</summary>
    private sealed class SpoiltPredictor(IPredictor model) : DelegatingPredictor(model), IKeepsDeadlines
    {
        public static readonly AsyncLocal<string?> Tenant = new();

        private int _bulkCalls;
        private IPredictor? _around;

        public volatile bool SpoilsAll;
        public volatile bool FailsAll;

        public bool FailsBelowZero { get; init; }

        public int BulkCalls => Volatile.Read(ref _bulkCalls);

        public string? TenantOfBulk { get; private set; }

        public TimeSpan? TimeoutOfBulk { get; private set; }

        public SpoiltPredictor Around(IPredictor inner)
        {
            _around = inner;
            return this;
        }

        public override async ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            if (options?.Priority == RequestPriority.Bulk)
            {
                (TenantOfBulk, TimeoutOfBulk) = (Tenant.Value, options.Timeout);
                Interlocked.Increment(ref _bulkCalls);
            }

            if (FailsAll || (FailsBelowZero && PredictionInputs.ItemOf(in inputs, 0).Elements.AsSpan<float>()[0] < 0))
                return Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "The driver is gone."));
            var answer = await _around!.PredictAsync(inputs, options, cancellationToken);
            if (!SpoilsAll || !answer.IsOk) return answer;
            answer.Dispose();
            var writer = PredictionWriter.Create();
            writer.AddTensor<float>("y", 2).Fill(float.NaN);
            return writer.Complete();
        }
    }
}
