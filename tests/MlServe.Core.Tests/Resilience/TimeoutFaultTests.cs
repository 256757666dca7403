using Microsoft.Extensions.Time.Testing;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

/// <summary>The end of one request's time must not hold up another.</summary>
public sealed class TimeoutFaultTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task PredictAsync_CallerGoesOnWithinTheTimersThread_HoldsUpNobodyElse()
    {
        var ended = new TaskCompletionSource<Prediction>();
        var hangs = true;
        var isHanging = new TaskCompletionSource();
        using var pipeline = Build(new FakePredictor((inputs, token) =>
        {
            if (!hangs) return new(Answers.Echo(in inputs));
            isHanging.TrySetResult();
            token.Register(() => ended.SetCanceled(token));
            return new(ended.Task);
        }), TimeSpan.FromSeconds(2));

        var others = 0;
        var task = GoOnAsync();
        await isHanging.Task;
        hangs = false;
        await Task.Run(
            () =>
            {
                // Its thread has a pooled operation of its own from here on, so that the one that ends goes to all.
                Answers.Read(pipeline.PredictAsync(Answers.Request(3)).AsTask().GetAwaiter().GetResult());
                _clock.Advance(TimeSpan.FromSeconds(2));
            },
            TestContext.Current.CancellationToken);
        await task;
        Assert.Equal(64, others);

        // Code that blocks where it was called back, as some do: what it waits for must be able to end.
        async Task GoOnAsync()
        {
            Assert.Equal(PredictionStatus.DeadlineExceeded, (await pipeline.PredictAsync(Answers.Request(1)).ConfigureAwait(false)).Status);
            var threads = new List<Thread>();
            for (var i = 0; i < 64; i++)
            {
                // A thread of its own has nothing pooled, and takes what all share.
                var thread = new Thread(() =>
                {
                    Answers.Read(pipeline.PredictAsync(Answers.Request(2)).AsTask().GetAwaiter().GetResult());
                    Interlocked.Increment(ref others);
                })
                { IsBackground = true };
                thread.Start();
                threads.Add(thread);
            }

            foreach (var thread in threads)
                Assert.True(thread.Join(TimeSpan.FromSeconds(20)), "A request waits for the code of another request's caller.");
        }
    }

    [Fact]
    public async Task PredictAsync_TimeoutBeyondAllTimers_IsJustVeryLong()
    {
        var inner = new PendingPredictor();
        using var pipeline = Build(inner, TimeSpan.MaxValue);
        var task = pipeline.PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken).AsTask();
        _clock.Advance(TimeSpan.FromDays(100));
        Assert.False(task.IsCompleted);
        inner.Answer();
        Assert.Equal(1, Answers.Read(await task));
    }

    private IPredictor Build(IPredictor inner, TimeSpan timeout) =>
        new PredictorBuilder(inner).UseTimeout(timeout).Build(new FakeServices(_clock));
}
