using Xunit;

namespace MlServe;

/// <summary>Waits for what must come, and fails where it does not within half a minute: a hang is a failure with a name.</summary>
internal static class Eventually
{
    public static async Task BecomesTrue(Func<bool> condition, string what)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            if (limit.IsCancellationRequested) Assert.Fail($"Did not come true: {what}.");
            await Task.Yield();
        }
    }
}
