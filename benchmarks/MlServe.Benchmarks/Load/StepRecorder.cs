using HdrHistogram;

namespace MlServe.Benchmarks.Load;

/// <summary>
/// Counts what becomes of the requests of one step, in memory that does not grow. All threads write; the generator alone writes what it
/// sends.
/// </summary>
internal sealed class StepRecorder(string name, double rate, double seconds, TimeSpan bound)
{
    private readonly long _bound = (long)bound.TotalNanoseconds;
    private long _ok;
    private long _late;
    private long _shed;
    private long _errors;
    private long _lost;

    public string Name => name;

    /// <summary>The rate that is asked for, in requests a second.</summary>
    public double Rate => rate;

    public double Seconds { get; set; } = seconds;

    /// <summary>From the moment at which an answered request was due.</summary>
    public HistogramBase Latency { get; } = LatencyHistograms.Concurrent();

    /// <summary>From the moment at which it was sent, which a late generator makes look better.</summary>
    public HistogramBase FromSend { get; } = LatencyHistograms.Concurrent();

    public HistogramBase Lag { get; } = LatencyHistograms.Plain();

    /// <summary>All that were due.</summary>
    public long Offered { get; private set; }

    /// <summary>Those that were not sent because too many were outstanding.</summary>
    public long Unsent { get; private set; }

    public long Ok => Interlocked.Read(ref _ok);

    /// <summary>Answers that came after the bound.</summary>
    public long Late => Interlocked.Read(ref _late);

    public long Shed => Interlocked.Read(ref _shed);

    public long Errors => Interlocked.Read(ref _errors);

    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>All requests; callers who wait are not offered any.</summary>
    public long Total => Math.Max(Offered, Answered + Lost);

    /// <summary>All that did not get an answer within the bound.</summary>
    public long Missed => Late + Shed + Errors + Lost + Unsent;

    /// <summary>Answers, refusals and failures.</summary>
    public long Answered => Ok + Shed + Errors;

    public double CpuSeconds { get; set; }

    /// <summary>What the first error said.</summary>
    public string? FirstError { get; private set; }

    public void Due(long lag)
    {
        Offered++;
        Lag.RecordNanoseconds(lag);
    }

    public void NotSent() => Unsent++;

    /// <summary>Counts an answer; says whether it kept the bound.</summary>
    public bool OnAnswer(long sinceDue, long sinceSend)
    {
        Latency.RecordNanoseconds(sinceDue);
        FromSend.RecordNanoseconds(sinceSend);
        Interlocked.Increment(ref _ok);
        if (sinceDue <= _bound) return true;
        Interlocked.Increment(ref _late);
        return false;
    }

    public void OnShed() => Interlocked.Increment(ref _shed);

    public void OnError(string message)
    {
        FirstError ??= message;
        Interlocked.Increment(ref _errors);
    }

    public void OnLost() => Interlocked.Increment(ref _lost);
}
