using BenchmarkDotNet.Attributes;

namespace MlServe.Benchmarking.Tests;

/// <summary>Calls that say themselves how long they took, so that their percentiles do not depend on the machine.</summary>
public class RecordingBenchmarks
{
    private int _calls;

    /// <summary>98 of 100 calls take 1 ms, the others 5 ms.</summary>
    [Benchmark(OperationsPerInvoke = 100, Baseline = true)]
    public void Recorded()
    {
        for (var i = 0; i < 100; i++)
            CallLatency.Record(TimeSpan.FromMilliseconds(i < 98 ? 1 : 5));
    }

    /// <summary>What is recorded in warm-up takes a minute.</summary>
    [Benchmark]
    public void SlowAtFirst() => CallLatency.Record(_calls++ < 1 ? TimeSpan.FromMinutes(1) : TimeSpan.FromMilliseconds(2));

    [Benchmark]
    public void NotRecorded() => Thread.SpinWait(10);
}

/// <summary>One benchmark of two fails.</summary>
public class FailingBenchmarks
{
    [Benchmark]
    public void Works() => CallLatency.Record(TimeSpan.FromMilliseconds(3));

    [Benchmark]
    public void Fails() => throw new InvalidOperationException("On purpose.");
}
