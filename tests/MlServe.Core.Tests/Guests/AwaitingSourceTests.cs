using System.Threading.Tasks.Sources;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Guests;

/// <summary>
/// Layers of the application's whose value tasks do not keep the rules: whoever waits for them ends, once, and nobody else is reached.
/// </summary>
public sealed class AwaitingSourceTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PredictAsync_LayerCallsBackEarlyAndTwice_EachIsAnsweredOnce()
    {
        using var predictor = Build(static () => new Rude { IsEarly = true, IsTwice = true });

        var answers = await Task.WhenAll(Enumerable.Range(0, 500)
            .Select(async id => Answers.Read(await predictor.PredictAsync(Answers.Request(id), cancellationToken: Ct))));

        Assert.Equal(Enumerable.Range(0, 500).Select(static id => (long)id), answers);
    }

    [Fact]
    public async Task PredictAsync_LayersTaskThrowsWhereItIsAwaited_TheCallerHearsOfItAndTheHooksRun()
    {
        var log = new List<string>();
        using var predictor = new PredictorBuilder(new FakePredictor(static (inputs, _) =>
            new(new Rude { Throws = true, Id = Answers.IdOf(in inputs) }, 0)))
            .UseStage((_, _) => new FakeStage("a", log)).Build();

        await Assert.ThrowsAsync<NotSupportedException>(async () =>
            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Contains(log, static entry => entry.Contains("failed", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task PredictAsync_OneValueTaskForTwoRequests_OneIsAnsweredAndTheOtherTold()
    {
        var rude = new Rude { Id = 7 };
        using var predictor = new PredictorBuilder(new FakePredictor((_, _) => new(rude, 0))).Use((inner, _) => new Through(inner)).Build();

        var first = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
            await predictor.PredictAsync(Answers.Request(2), cancellationToken: Ct));
        rude.Go();

        Assert.Equal(7, Answers.Read(await first));
    }

    private static IPredictor Build(Func<Rude> create) => new PredictorBuilder(new FakePredictor((inputs, _) =>
    {
        var rude = create();
        rude.Id = Answers.IdOf(in inputs);
        return new(rude, 0);
    })).UseTelemetry("rude").Build();

    private sealed class Through(IPredictor inner) : DelegatingPredictor(inner);

    private sealed class Rude : IValueTaskSource<Prediction>
    {
        private Action<object?>? _continuation;
        private object? _state;
        private volatile bool _isDone;

        public bool IsEarly { get; init; }

        public bool IsTwice { get; init; }

        public bool Throws { get; init; }

        public long Id { get; set; }

        public Prediction GetResult(short token) => _isDone ? Answers.Of(Id) : throw new InvalidOperationException("Not yet.");

        public ValueTaskSourceStatus GetStatus(short token) => _isDone ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        {
            if (Throws) throw new NotSupportedException("I am not to be awaited.");
            if (_continuation is not null) throw new InvalidOperationException("Awaited twice.");
            (_continuation, _state) = (continuation, state);
            if (IsEarly) continuation(state);
            if (IsTwice) ThreadPool.UnsafeQueueUserWorkItem(static rude => ((Rude)rude!).Go(), this);
        }

        public void Go()
        {
            _isDone = true;
            _continuation!(_state);
            if (!IsTwice) return;
            _continuation(_state);
            ThreadPool.UnsafeQueueUserWorkItem(static rude => ((Rude)rude!)._continuation!(((Rude)rude)._state), this);
        }
    }
}
