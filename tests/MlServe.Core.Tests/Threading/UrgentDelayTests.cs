using Microsoft.Extensions.Time.Testing;
using MlServe.Threading;

namespace MlServe.Tests.Threading;

public sealed class UrgentDelayTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task WaitAsync_TimeIsOver_Ends()
    {
        var wait = UrgentDelay.WaitAsync(Second, _clock, TestContext.Current.CancellationToken);
        _clock.Advance(Second - TimeSpan.FromTicks(1));
        Assert.False(wait.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await wait;
        await UrgentDelay.WaitAsync(TimeSpan.Zero, _clock, TestContext.Current.CancellationToken);
        await UrgentDelay.WaitAsync(TimeSpan.FromMilliseconds(1), TimeProvider.System, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task WaitAsync_Cancelled_EndsAtOnce()
    {
        using var source = new CancellationTokenSource();
        var wait = UrgentDelay.WaitAsync(Second, _clock, source.Token);
        await source.CancelAsync();
        Assert.Equal(source.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait)).CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => UrgentDelay.WaitAsync(TimeSpan.Zero, _clock, source.Token));
    }

    [Fact]
    public async Task WaitForAsync_TaskEndsFirst_IsTrueInWhicheverWayItEnds()
    {
        var task = new TaskCompletionSource();
        var wait = UrgentDelay.WaitForAsync(task.Task, Second, _clock, TestContext.Current.CancellationToken);
        Assert.False(wait.IsCompleted);
        task.SetException(new InvalidOperationException());
        Assert.True(await wait);
        Assert.True(await UrgentDelay.WaitForAsync(task.Task, Second, _clock, new(canceled: true)));
    }

    [Fact]
    public async Task WaitForAsync_TimeIsOverOrTheTokenCancelled_SaysSo()
    {
        var task = new TaskCompletionSource();
        using var source = new CancellationTokenSource();
        var late = UrgentDelay.WaitForAsync(task.Task, Second, _clock, source.Token);
        _clock.Advance(Second);
        Assert.False(await late);
        var cancelled = UrgentDelay.WaitForAsync(task.Task, Second, _clock, source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
    }

    [Fact]
    public async Task CancelAsync_CallbackThrows_IsToldToWhoeverWaitsAndOthersAreCalled()
    {
        using var source = new CancellationTokenSource();
        var called = 0;
        source.Token.Register(() => called++);
        source.Token.Register(static () => throw new InvalidOperationException("of a guest"));
        source.Token.Register(() => called++);
        await Assert.ThrowsAsync<AggregateException>(() => UrgentCancel.CancelAsync(source));
        Assert.Equal(2, called);
        Assert.True(UrgentCancel.CancelAsync(source).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task UrgentTask_BeginsInTheCallersContextOrWithoutIt()
    {
        var local = new AsyncLocal<string?> { Value = "mine" };
        var without = "";
        await UrgentTask.Run(() =>
        {
            without = local.Value;
            return Task.CompletedTask;
        });
        Assert.Null(without);
        Assert.Equal("mine", await UrgentTask.RunInContext(() => Task.FromResult(local.Value)));
        await Assert.ThrowsAsync<InvalidOperationException>(() => UrgentTask.Run(static () => throw new InvalidOperationException()));
    }

    [Fact]
    public async Task UrgentCompletion_Complete_IsCompleteAtOnceAndWhoeverWaitsGoesOnElsewhere()
    {
        var completion = new UrgentCompletion();
        var waiting = Task.Run(async () =>
        {
            await completion.Task.ConfigureAwait(false);
            return Environment.CurrentManagedThreadId;
        });
        await Eventually.BecomesTrue(() => waiting.Status == TaskStatus.WaitingForActivation, "somebody waits");
        completion.Complete();
        completion.Complete();
        Assert.True(completion.Task.IsCompletedSuccessfully);
        await waiting;

        var failed = new UrgentCompletion();
        failed.Fail(new InvalidOperationException());
        await Assert.ThrowsAsync<InvalidOperationException>(() => failed.Task);
    }
}
