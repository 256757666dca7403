using Microsoft.Extensions.Time.Testing;
using MlServe.Guests;
using MlServe.Resilience;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Events;

/// <summary>Events are kept, and told in order, and no listener is another's or a request's trouble.</summary>
public sealed class ModelEventsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ModelEvents _events = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Recent_MoreThanAreKept_AreTheLastInOrder()
    {
        Assert.Empty(_events.Recent());
        for (var i = 0; i < 1000; i++)
            _events.Publish(new Happened(i));

        Assert.Equal(Enumerable.Range(1000 - ModelEvents.MaxRecent, ModelEvents.MaxRecent), _events.Recent().Select(Number));
        Assert.Equal([998, 999], _events.Recent(2).Select(Number));
        Assert.Empty(_events.Recent(0));
        Assert.Equal(ModelEvents.MaxRecent, _events.Recent(int.MaxValue).Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => _events.Recent(-1));
        Assert.Throws<ArgumentNullException>(() => _events.Publish(null!));
    }

    [Fact]
    public async Task Subscribe_ListenersThatThrowBlockAndUnsubscribe_OthersHearAllInOrder()
    {
        const int Publishers = 4;
        const int Each = 50;
        using var never = new ManualResetEventSlim();
        using var heard = new SemaphoreSlim(0);
        var order = new List<int>();
        var other = new List<int>();
        var faults = GuestFaults.Of(Guest.Callback);
        using var blocks = _events.Subscribe(_ => never.Wait(Patience, CancellationToken.None));
        using var throws = _events.Subscribe(static _ => throw new FormatException("no"));
        using var leaves = new Leaver(_events);
        using var first = _events.Subscribe(happened => Hear(order, happened));
        using var second = _events.Subscribe(happened => Hear(other, happened));

        // Fewer than may wait, so that nobody misses any but the one that blocks.
        await Task.WhenAll(Enumerable.Range(0, Publishers).Select(publisher => Task.Run(() =>
        {
            for (var i = 0; i < Each; i++)
                _events.Publish(new Happened((publisher * Each) + i));
        }, Token)));
        for (var i = 0; i < 2 * Publishers * Each; i++)
            Assert.True(await heard.WaitAsync(Patience, Token), "A listener did not hear of an event.");

        Assert.Equal(_events.Recent().Select(Number), order);
        Assert.Equal(order, other);
        Assert.Equal(0, _events.Dropped);
        await Eventually.BecomesTrue(() => GuestFaults.Of(Guest.Callback) - faults >= Publishers * Each,
            "what the listener threw is counted");
        Assert.Equal(1, leaves.Heard);
        never.Set();

        void Hear(List<int> to, ModelEvent happened)
        {
            to.Add(Number(happened));
            heard.Release();
        }
    }

    [Fact]
    public async Task Subscribe_ListenerFallsBehind_MissesTheOldestAndThatIsCounted()
    {
        using var inside = new SemaphoreSlim(0);
        using var goOn = new SemaphoreSlim(0);
        var heard = new List<int>();
        using var slow = _events.Subscribe(happened =>
        {
            lock (heard) heard.Add(Number(happened));
            inside.Release();
            goOn.Wait(Patience, CancellationToken.None);
        });
        _events.Publish(new Happened(0));
        Assert.True(await inside.WaitAsync(Patience, Token));
        for (var i = 1; i <= ModelEvents.MaxWaiting + 10; i++)
            _events.Publish(new Happened(i));
        Assert.Equal(10, _events.Dropped);
        goOn.Release(1000);
        for (var i = 0; i < ModelEvents.MaxWaiting; i++)
            Assert.True(await inside.WaitAsync(Patience, Token));

        lock (heard) Assert.Equal(Enumerable.Range(11, ModelEvents.MaxWaiting).Prepend(0), heard);
    }

    [Fact]
    public async Task Subscribe_CallersContext_IsNotTheListeners()
    {
        var local = new AsyncLocal<string?>();
        var heard = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        local.Value = "subscriber";
        using var listener = _events.Subscribe(_ => heard.SetResult(local.Value));
        local.Value = "caller";
        _events.Publish(new Happened(1));
        Assert.Null(await heard.Task.WaitAsync(Patience, Token));
    }

    [Fact]
    public void Subscribe_Disposed_HearsNoMoreAndGivesItsPlaceBack()
    {
        var listeners = Enumerable.Range(0, ModelEvents.MaxListeners).Select(_ => _events.Subscribe(static _ => { })).ToList();
        Assert.Throws<InvalidOperationException>(() => _events.Subscribe(static _ => { }));
        listeners.ForEach(static listener => listener.Dispose());
        listeners[0].Dispose();
        using var heard = new SemaphoreSlim(0);
        _events.Subscribe(_ => heard.Release()).Dispose();
        _events.Publish(new Happened(1));
        using var last = _events.Subscribe(_ => heard.Release());
        _events.Publish(new Happened(2));
        Assert.True(heard.Wait(Patience, Token));
        Assert.Equal(0, heard.CurrentCount);
    }

    [Fact]
    public void CircuitBreaker_ChangesState_IsAnEvent()
    {
        var time = new FakeTimeProvider(new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero));
        var identity = new ModelIdentity("digits", "4");
        using var inner = new FakePredictor { Service = identity };
        using var pipeline = new PredictorBuilder(inner).UseCircuitBreaker().Build(new FakeServices(time, _events));
        var breaker = pipeline.GetService<ICircuitBreaker>()!;
        breaker.Isolate();
        time.Advance(TimeSpan.FromSeconds(5));
        breaker.Close();

        Assert.Equal(
            [
                new CircuitChanged("digits", identity, CircuitState.Closed, CircuitState.Isolated, null, time.GetUtcNow().AddSeconds(-5)),
                new CircuitChanged("digits", identity, CircuitState.Isolated, CircuitState.Closed, null, time.GetUtcNow()),
            ],
            _events.Recent());
    }

    private static int Number(ModelEvent happened) => ((Happened)happened).Number;

    private sealed record Happened(int Number) : ModelEvent("m", null, DateTimeOffset.UnixEpoch);

    /// <summary>Ends its subscription when it hears of something.</summary>
    private sealed class Leaver : IDisposable
    {
        private readonly IDisposable _subscription;
        private int _heard;

        public Leaver(ModelEvents events)
        {
            var ready = new ManualResetEventSlim();
            IDisposable? subscription = null;
            subscription = events.Subscribe(_ =>
            {
                Interlocked.Increment(ref _heard);
                ready.Wait(Patience, CancellationToken.None);
                subscription!.Dispose();
            });
            _subscription = subscription;
            ready.Set();
        }

        public int Heard => Volatile.Read(ref _heard);

        public void Dispose() => _subscription.Dispose();
    }
}
