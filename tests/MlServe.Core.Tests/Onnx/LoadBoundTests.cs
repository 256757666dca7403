using MlServe.Fakes;
using MlServe.TestModels;

namespace MlServe.Onnx;

/// <summary>Every load ends: within its time, when it is cancelled, and whatever its source does.</summary>
public sealed class LoadBoundTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task LoadAsync_ModelNeverEnds_TimesOut()
    {
        var lost = AbandonedCalls.Count;
        var gate = new RunGate(1);
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            LoadAsync(ModelSource.FromBytes(HostileModels.EndlessLoop()), new() { LoadTimeout = TimeSpan.FromSeconds(4) }, gate));
        Assert.Equal(ModelLoadFailure.TimedOut, exception.Failure);
        Ask.Says(exception.Message, "LoadTimeout (00:00:04)", "being tried for its batch axis", "It was stopped");

        // It heeds being told to stop: no thread is lost, and no core is burnt.
        Assert.Equal(lost, AbandonedCalls.Count);
        Assert.Equal((0, 0), (gate.CurrentRuns, gate.CurrentWaiters));
    }

    [Fact]
    public async Task LoadAsync_CancelledInTheMiddle_IsCancelled()
    {
        var gate = new RunGate(1);
        using var stop = new CancellationTokenSource();
        var loading = LoadAsync(ModelSource.FromBytes(HostileModels.EndlessLoop()), new(), gate, stop.Token);
        await Eventually.BecomesTrue(() => gate.CurrentRuns == 1 || loading.IsCompleted, "the model is tried");
        await stop.CancelAsync();
        Assert.Equal(stop.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loading)).CancellationToken);
        Assert.Equal(0, gate.CurrentRuns);
    }

    [Fact]
    public async Task LoadAsync_TrialNeverEnds_GivesItsPlaceBack()
    {
        var gate = new RunGate(1);
        await using var other = await LoadAsync(TinyModels.Affine().ToSource(), new(), gate);
        using var stop = new CancellationTokenSource();
        var loading = LoadAsync(ModelSource.FromBytes(HostileModels.EndlessLoop()), new(), gate, stop.Token);
        await Eventually.BecomesTrue(() => gate.CurrentRuns == 1 || loading.IsCompleted, "the model is tried");

        using var prediction = await other.PredictAsync(PredictionInputs.Row(new float[4]), cancellationToken: Token);
        Assert.True(prediction.IsOk);
        Assert.False(loading.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loading);
    }

    [Fact]
    public async Task LoadAsync_GateIsFull_WaitsForAPlaceAndCanBeCancelled()
    {
        var gate = new RunGate(1);
        Assert.True(gate.TryEnter());
        using var stop = new CancellationTokenSource();
        var cancelled = LoadAsync(TinyModels.Affine().ToSource(), new(), gate, stop.Token);
        await Eventually.BecomesTrue(() => gate.CurrentWaiters == 1, "the trial waits");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);

        var waiting = LoadAsync(TinyModels.Affine().ToSource(), new(), gate);
        await Eventually.BecomesTrue(() => gate.CurrentWaiters == 1, "the trial waits");
        Assert.False(waiting.IsCompleted);
        gate.Exit();
        await using var predictor = await waiting;
        Assert.Equal(0, gate.CurrentRuns);
    }

    [Fact]
    public async Task LoadAsync_NotRunAtLoad_RunsNothing()
    {
        // A gate without a place: any run would wait for ever.
        var gate = new RunGate(1);
        Assert.True(gate.TryEnter());
        await using var predictor = await LoadAsync(TinyModels.Affine().ToSource(), new() { RunAtLoad = false }, gate);
        Ask.Says(predictor.Signature.BatchingNote, "RunAtLoad is false");
        await using var stated = await LoadAsync(TinyModels.Affine().ToSource(), new() { RunAtLoad = false, BatchAxis = 0 }, gate);
        Assert.True(stated.Signature.IsBatchable);
        gate.Exit();
        using var prediction = await stated.PredictAsync(PredictionInputs.Rows(new float[8], 2), cancellationToken: Token);
        Assert.Equal(8, prediction.EnsureOk()["y"].ToArray<float>().Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LoadAsync_SourceNeverGives_TimesOut(bool isBlocking)
    {
        using var source = new StuckSource(isBlocking);
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() =>
            LoadAsync(source, new() { LoadTimeout = TimeSpan.FromSeconds(2) }));
        Assert.Equal(ModelLoadFailure.TimedOut, exception.Failure);
        Ask.Says(exception.Message, "source of model 'default'", "LoadTimeout (00:00:02)");

        using var stop = new CancellationTokenSource();
        var loading = LoadAsync(source, new(), cancellationToken: stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loading);
    }

    [Fact]
    public async Task LoadAsync_SourceGivesUpByItself_IsNoCancellation()
    {
        var exception = await Assert.ThrowsAsync<ModelLoadException>(() => LoadAsync(new ImpatientSource(), new()));
        Assert.Equal(ModelLoadFailure.Unreadable, exception.Failure);
        Ask.Says(exception.Message, "gave up by itself");
    }

    [Fact]
    public async Task SessionTurn_TakenAndNotGivenBack_IsHandedOn()
    {
        using var first = SessionTurn.Take(new FastTime(1000), Token);
        using (await Task.Run(static () => SessionTurn.Take(cancellationToken: TestContext.Current.CancellationToken), Token))
        {
            // The first gives back nothing that is no longer its own.
            first.Dispose();
            using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
            Assert.ThrowsAny<OperationCanceledException>(() => SessionTurn.Take(cancellationToken: stop.Token));
        }

        SessionTurn.Take(cancellationToken: Token).Dispose();
    }

    [Fact]
    public async Task BoundedCall_NeverReturns_IsGivenUpAndItsResultThrownAway()
    {
        using var release = new ManualResetEventSlim();
        using var stop = new CancellationTokenSource();
        var discarded = new TaskCompletionSource<int>();
        var returned = 0;
        using var call = new BoundedCall<int>(
            _ =>
            {
                release.Wait(CancellationToken.None);
                return 7;
            },
            discarded.SetResult, () => returned++, stop.Token);
        var waiting = call.RunAsync("test", new FastTime());
        await stop.CancelAsync();
        Assert.Equal((false, 0), await waiting);

        release.Set();
        Assert.Equal(7, await discarded.Task.WaitAsync(Token));
        Assert.Equal(1, returned);
    }

    [Fact]
    public async Task BoundedRead_OneOfTwoThatAreStuckComesBack_OtherStillBlocksThePath()
    {
        var path = $"stuck-{Guid.NewGuid()}";
        using var first = new StuckRead(path);
        using var second = new StuckRead(path);
        await first.GiveUpAsync();
        await second.GiveUpAsync();
        first.ComeBack();
        Assert.Equal(
            ModelLoadFailure.Unreadable,
            (await Assert.ThrowsAsync<ModelLoadException>(() => BoundedRead.RunAsync(path, static (_, _) => 1, Token))).Failure);
        second.ComeBack();
        Assert.Equal(1, await BoundedRead.RunAsync(path, static (_, _) => 1, Token));
    }

    private static Task<OnnxPredictor> LoadAsync(
        IModelSource source, OnnxModelOptions options, RunGate? gate = null, CancellationToken? cancellationToken = null) =>
        OnnxPredictor.LoadAsync(
            source, options, new() { RunGate = gate ?? new(1), TimeProvider = new FastTime() }, cancellationToken ?? Token).AsTask();

    private sealed class StuckRead : IDisposable
    {
        private readonly ManualResetEventSlim _begun = new();
        private readonly ManualResetEventSlim _end = new();
        private readonly CancellationTokenSource _stop = new();
        private readonly Task<int> _reading;
        private Thread? _thread;

        public StuckRead(string path)
        {
            _reading = BoundedRead.RunAsync(path, Read, _stop.Token);
            _begun.Wait(Token);
        }

        public async Task GiveUpAsync()
        {
            await _stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _reading);
        }

        /// <summary>Ends when all is done that follows from its return: that is done on its thread.</summary>
        public void ComeBack()
        {
            _end.Set();
            _thread!.Join();
        }

        public void Dispose()
        {
            _end.Set();
            _stop.Dispose();
        }

        private int Read(string path, CancellationToken cancellationToken)
        {
            _thread = Thread.CurrentThread;
            _begun.Set();
            _end.Wait(CancellationToken.None);
            return 0;
        }
    }

    private sealed class StuckSource(bool isBlocking) : IModelSource, IDisposable
    {
        private readonly ManualResetEventSlim _end = new();

        public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
        {
            if (isBlocking) _end.Wait(CancellationToken.None);
            else await new TaskCompletionSource().Task;
            return null!;
        }

        public void Dispose() => _end.Set();
    }

    private sealed class ImpatientSource : IModelSource
    {
        public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            throw new TaskCanceledException("A timeout of its own.");
        }
    }
}
