namespace MlServe.Guests;

/// <summary>Cancels a source at which callbacks of others may be registered, such as those of a layer of the application's.</summary>
internal static class Cancellations
{
    /// <summary>Cancels; exceptions of callbacks are counted and go no further.</summary>
    public static void CancelQuietly(this CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Whoever owned it has ended: what callbacks throw comes in an aggregate.
        }
#pragma warning disable CA1031 // They have all been called; their exceptions are not those of whoever cancels.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.Cancellation, exception);
        }
    }

    /// <summary>The same, with callbacks, if there are any, on a thread of the pool.</summary>
    public static async Task CancelQuietlyAsync(this CancellationTokenSource source)
    {
        try
        {
            await source.CancelAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.Cancellation, exception);
        }
    }
}
