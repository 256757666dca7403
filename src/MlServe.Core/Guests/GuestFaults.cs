namespace MlServe.Guests;

/// <summary>How often guests have thrown in this process, by kind.</summary>
internal static class GuestFaults
{
    private static readonly string[] Tags =
        ["logger", "meter_listener", "activity_listener", "event_listener", "clock", "context", "cancellation", "callback", "layer",
            "host", "mlserve"];

    private static readonly long[] Counts = new long[Tags.Length];

    public static IEnumerable<Guest> All => Enum.GetValues<Guest>();

    public static string TagOf(Guest guest) => Tags[(int)guest];

    public static long Of(Guest guest) => Interlocked.Read(ref Counts[(int)guest]);

    public static void Count(Guest guest) => Interlocked.Increment(ref Counts[(int)guest]);
}
