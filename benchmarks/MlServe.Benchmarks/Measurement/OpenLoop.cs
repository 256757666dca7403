using System.Diagnostics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// Callers who do not wait for each other, for the rows of the scorecard: requests arrive as a Poisson process with a fixed seed, and
/// latency counts from the moment at which a request was due, whether or not the generator was late with it. They are asked on the
/// generator's own thread.
/// </summary>
internal sealed class OpenLoop : IArrivalSink
{
    private readonly Func<int, ValueTask<Prediction>> _ask;
    private readonly double[] _latencies;
    private readonly PredictionStatus[] _statuses;
    private readonly double[] _lag;
    private readonly CountdownEvent _pending;

    private OpenLoop(int count, Func<int, ValueTask<Prediction>> ask, CountdownEvent pending)
    {
        _ask = ask;
        _latencies = new double[count];
        _statuses = new PredictionStatus[count];
        _lag = new double[count];
        _pending = pending;
    }

    /// <summary>Offers requests at a rate for a while, and waits until all have been answered.</summary>
    /// <param name="rate">Requests a second.</param>
    /// <param name="duration">For how long.</param>
    /// <param name="seed">Of the arrivals.</param>
    /// <param name="ask">Asks once; the argument counts from 0.</param>
    public static OpenLoopResult Run(double rate, TimeSpan duration, int seed, Func<int, ValueTask<Prediction>> ask)
    {
        RatePhase[] phases = [new(rate, duration.TotalSeconds)];
        var count = 0;
        for (var counted = new ArrivalSchedule(phases, seed); counted.TryNext(out _); count++)
        {
        }

        using var pending = new CountdownEvent(count);
        var loop = new OpenLoop(count, ask, pending);
        var pacing = PacingThread.Run(new(phases, seed), 1, loop);
        pending.Wait();
        return new(loop._latencies, loop._statuses, loop._lag, duration, pacing.CpuByGroup[0]);
    }

    public bool Send(in Arrival arrival, long start, long lag)
    {
        var (index, due) = ((int)arrival.Index, arrival.Due / 1e9);
        _lag[index] = lag / 1e9;
        var answer = _ask(index);
        if (answer.IsCompleted) Answered(index, answer.GetAwaiter().GetResult(), start, due);
        else Track(answer, index, start, due);
        return true;
    }

    private async void Track(ValueTask<Prediction> answer, int index, long start, double due) =>
        Answered(index, await answer.ConfigureAwait(false), start, due);

    private void Answered(int index, in Prediction prediction, long start, double due)
    {
        _latencies[index] = Stopwatch.GetElapsedTime(start).TotalSeconds - due;
        _statuses[index] = prediction.Status;
        prediction.Dispose();
        _pending.Signal();
    }
}
