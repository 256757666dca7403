using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Load;

public class OpenLoadTests
{
    private static readonly PredictionInputs[] Row = [PredictionInputs.Row((float[])[1, 2, 3, 4])];

    private static LoadSettings Settings => new() { Bound = TimeSpan.FromSeconds(30), DrainTimeout = TimeSpan.FromSeconds(30) };

    [Fact]
    public async Task Run_RealModel_AnswersEachRequestOnce()
    {
        await using var model = await MlServe.Onnx.OnnxPredictor.LoadAsync(ModelSource(OnnxModel.Mlp(1, 4, 16, 3)));
        var outstanding = new OutstandingRequests(model);

        var (step, result) = Run(outstanding, Settings, 2000, 0.5);

        Assert.Equal(Count(2000, 0.5), step.Offered);
        Assert.Equal(step.Offered, step.Ok);
        Assert.Equal(step.Offered, step.Latency.TotalCount);
        Assert.Equal(0, step.Missed);
        Assert.Empty(result.LostIds);
        Assert.Equal(0, result.Twice);
        Assert.Equal(0, outstanding.Count);
    }

    [Fact]
    public void Run_OneNeverAnswered_IsLostAndNamed()
    {
        var never = new TaskCompletionSource<Prediction>();
        var outstanding = new OutstandingRequests(new FakePredictor(call => call == 5 ? new(never.Task) : new(FakePredictor.Refused)));

        var (step, result) = Run(outstanding, Settings with { Time = new PassesOnce(() => outstanding.Count == 1) }, 500, 0.1);

        Assert.Equal(1, step.Lost);
        Assert.Single(result.LostIds);
        Assert.Equal(step.Offered, step.Shed + step.Lost);
        var (verdict, reasons) = PeakVerdict.Decide([StepReport.Of(step, Settings)], StepReport.Of(step, Settings), [], 0, 0);
        Assert.Equal(LoadVerdict.Fail, verdict);
        Assert.Contains(reasons, static reason => reason.Contains("1 requests were lost", StringComparison.Ordinal));

        // An answer after all does no harm, and its place can be used again.
        never.SetResult(FakePredictor.Failed);
        var (next, again) = Run(outstanding, Settings, 500, 0.1);
        Assert.Equal(0, next.Lost);
        Assert.Empty(again.LostIds);
        Assert.Equal(0, outstanding.Count);
    }

    [Fact]
    public void Run_PredictorThrows_CountsErrors()
    {
        var outstanding = new OutstandingRequests(new FakePredictor(static call => (call % 3) switch
        {
            0 => throw new InvalidOperationException("thrown at once"),
            1 => new(Task.FromException<Prediction>(new InvalidOperationException("thrown later"))),
            _ => new(FakePredictor.Failed),
        }));

        var (step, _) = Run(outstanding, Settings, 1000, 0.2);

        Assert.Equal(step.Offered, step.Errors);
        Assert.Equal(step.Offered, step.Missed);
        Assert.NotNull(step.FirstError);
    }

    [Fact]
    public async Task Run_ModelStalls_LatencyCountsFromTheMomentDue()
    {
        // All callers stand still until the stall is over: whoever waited for an answer before asking again would see one slow request.
        await using var model = await MlServe.Onnx.OnnxPredictor.LoadAsync(ModelSource(OnnxModel.Mlp(1, 4, 16, 3)));
        var stall = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = 0L;
        var outstanding = new OutstandingRequests(new FakePredictor(call => Wait(call)));

        var (step, _) = Run(outstanding, Settings, 1000, 0.4);

        Assert.Equal(step.Offered, step.Ok);
        Assert.True(Interlocked.Read(ref asked) >= 100);

        // The first was due at the beginning and the last of those that were held near the end: half of them waited for about half the
        // stall.
        Assert.True(step.Latency.Milliseconds(0.99) > step.Latency.Milliseconds(0.5));
        Assert.True(step.Latency.CountAbove(1_000_000) >= 50);

        async ValueTask<Prediction> Wait(long call)
        {
            Interlocked.Increment(ref asked);
            if (call == 200) stall.SetResult();
            await stall.Task;
            return await model.PredictAsync(Row[0]);
        }
    }

    [Fact]
    public void Run_MoreOutstandingThanAllowed_AreNotSentAndMissTheBound()
    {
        var never = new TaskCompletionSource<Prediction>();
        var outstanding = new OutstandingRequests(new FakePredictor(_ => new(never.Task)), limit: 10);

        var (step, result) = Run(outstanding, Settings with { Time = new PassesOnce(static () => true) }, 1000, 0.1);

        Assert.Equal(10, result.LostIds.Count);
        Assert.Equal(step.Offered - 10, step.Unsent);
        Assert.Equal(step.Offered, step.Missed);
        never.SetResult(FakePredictor.Failed);
    }

    [Fact]
    public void Run_TooManyMissed_EndsEarly()
    {
        var outstanding = new OutstandingRequests(new FakePredictor(static _ => new(FakePredictor.Refused)));
        var step = new StepRecorder("step", 1000, 600, Settings.Bound);

        var result = new OpenLoad(outstanding, Row, Settings).Run([new(1000, 600)], [step], 1, maxMissed: 20);

        Assert.True(result.IsStopped);
        Assert.True(step.Missed > 20);
    }

    [Fact]
    public void Run_Cancelled_EndsAndSaysSo()
    {
        using var cancelled = new CancellationTokenSource();
        var outstanding = new OutstandingRequests(new FakePredictor(call =>
        {
            if (call == 10) cancelled.Cancel();
            return new(FakePredictor.Refused);
        }));
        var step = new StepRecorder("step", 1000, 600, Settings.Bound);

        var result = new OpenLoad(outstanding, Row, Settings).Run([new(1000, 600)], [step], 1, cancellationToken: cancelled.Token);

        Assert.True(result.IsCancelled);
        Assert.True(step.Offered >= 10);
    }

    private static (StepRecorder Step, OpenLoadResult Result) Run(
        OutstandingRequests outstanding, LoadSettings settings, double rate, double seconds)
    {
        var step = new StepRecorder("step", rate, seconds, settings.Bound);
        return (step, new OpenLoad(outstanding, Row, settings).Run([new(rate, seconds)], [step], 1));
    }

    private static int Count(double rate, double seconds)
    {
        var schedule = new ArrivalSchedule([new(rate, seconds)], 1);
        var count = 0;
        while (schedule.TryNext(out _))
            count++;
        return count;
    }

    /// <summary>
    /// A clock that stands until all that will be answered has been, however busy the machine is; from then on an hour passes with each
    /// look.
    /// </summary>
    private sealed class PassesOnce(Func<bool> condition) : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => condition() ? _now += TimeSpan.TicksPerHour : _now;
    }

    private static MlServe.IModelSource ModelSource(byte[] bytes) => MlServe.Onnx.ModelSource.FromBytes(bytes);
}
