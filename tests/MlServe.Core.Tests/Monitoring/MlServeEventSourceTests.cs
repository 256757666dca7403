using System.Diagnostics.Tracing;
using System.Threading.Channels;
using MlServe.Guests;
using MlServe.Monitoring;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Monitoring;

[Collection(Alone.Name)]
public sealed class MlServeEventSourceTests
{
    private static readonly string[] Names =
    [
        MlServeDiagnostics.PredictionsPerSecondCounter, MlServeDiagnostics.TotalPredictionsCounter,
        MlServeDiagnostics.FailedPredictionsCounter, MlServeDiagnostics.RefusedPredictionsCounter,
        MlServeDiagnostics.CancelledPredictionsCounter, MlServeDiagnostics.CurrentPredictionsCounter,
        MlServeDiagnostics.MeanDurationCounter, MlServeDiagnostics.AbandonedPredictionsCounter,
    ];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Counters_Session_ShowTheSameCountsAsTheMeter()
    {
        using var host = new TelemetryHarness();
        using var listener = new CounterListener();
        var before = await listener.NextRoundAsync(Ct);

        using var model = host.Build(new FakePredictor((inputs, _) =>
        {
            host.Time.Advance(TimeSpan.FromMilliseconds(20));
            return Answers.IdOf(in inputs) switch
            {
                0 => new(Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.None, "no"))),
                1 => new(Prediction.FromError(FakePredictor.Refusal)),
                2 => throw new OperationCanceledException(),
                3 => throw new InvalidOperationException("boom"),
                var id => new(Answers.Of(id)),
            };
        }));
        var pending = new PendingPredictor();
        using var slow = host.Build(pending, "slow");
        for (var i = 0; i < 10; i++)
        {
            try
            {
                (await model.PredictAsync(Answers.Request(i), cancellationToken: Ct)).Dispose();
            }
            catch (Exception exception) when (exception is OperationCanceledException or InvalidOperationException)
            {
            }
        }

        var stillRunning = slow.PredictAsync(Answers.Request(1), cancellationToken: Ct).AsTask();

        // A round is not read in one instant: the one behind the first that shows the last call has seen all.
        var rounds = new List<Dictionary<string, double>>();
        do rounds.Add(await listener.NextRoundAsync(Ct));
        while (rounds[^1][MlServeDiagnostics.CurrentPredictionsCounter] == before[MlServeDiagnostics.CurrentPredictionsCounter]);
        rounds.Add(await listener.NextRoundAsync(Ct));

        double Delta(string name) => rounds[^1][name] - before[name];
        Assert.Equal(10, Delta(MlServeDiagnostics.TotalPredictionsCounter));
        Assert.Equal(2, Delta(MlServeDiagnostics.FailedPredictionsCounter));
        Assert.Equal(1, Delta(MlServeDiagnostics.RefusedPredictionsCounter));
        Assert.Equal(1, Delta(MlServeDiagnostics.CancelledPredictionsCounter));
        Assert.Equal(1, Delta(MlServeDiagnostics.CurrentPredictionsCounter));
        Assert.Equal(10, rounds.Sum(static round => round[MlServeDiagnostics.PredictionsPerSecondCounter]));
        Assert.Equal(20, rounds.Max(static round => round[MlServeDiagnostics.MeanDurationCounter]), 6);

        pending.Answer();
        Answers.Read(await stillRunning);
    }

    [Fact]
    public async Task Counters_Session_AreAllThereWithAName()
    {
        using var listener = new CounterListener();

        var round = await listener.NextRoundAsync(Ct);

        Assert.Equal(Names.Order(), round.Keys.Order());
        Assert.DoesNotContain(listener.DisplayNames, string.IsNullOrEmpty);
    }

    [Fact]
    public void Manifest_EventSource_IsValid() =>
        Assert.NotNull(EventSource.GenerateManifest(typeof(MlServeEventSource), null, EventManifestOptions.Strict));

    /// <summary>Listens to the counters and hands them out a round of all at a time.</summary>
    private sealed class CounterListener : EventListener
    {
        private readonly Channel<Dictionary<string, double>> _rounds = Channel.CreateUnbounded<Dictionary<string, double>>();
        private readonly Dictionary<string, double> _round = [];

        public CounterListener() =>
            EnableEvents(
                MlServeEventSource.Log!, EventLevel.Informational, EventKeywords.All,
                new Dictionary<string, string?> { ["EventCounterIntervalSec"] = "0.05" });

        public HashSet<string> DisplayNames { get; } = [];

        public ValueTask<Dictionary<string, double>> NextRoundAsync(CancellationToken cancellationToken) =>
            _rounds.Reader.ReadAsync(cancellationToken);

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (eventData.EventName != "EventCounters") return;
            var payload = (IDictionary<string, object?>)eventData.Payload![0]!;
            var name = (string)payload["Name"]!;
            var value = (double)(payload.TryGetValue("Mean", out var mean) ? mean : payload["Increment"])!;
            lock (_round)
            {
                DisplayNames.Add((string)payload["DisplayName"]!);
                _round[name] = value;
                if (name != Names[^1]) return;
                _rounds.Writer.TryWrite(new(_round));
                _round.Clear();
            }
        }
    }
}
