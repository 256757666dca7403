using System.Globalization;

namespace MlServe.ChildProcess.Guests;

/// <summary>Runs the day with one kind of guests and prints how it went.</summary>
internal static class GuestRun
{
    public static async Task RunAsync(string kind)
    {
        var mischief = GuestKinds.Create(kind);
        var folder = Directory.CreateTempSubdirectory("mlserve-guests-").FullName;
        using var events = new ThrowingEvents(mischief);
        using var activities = new ThrowingActivities(mischief);
        using var meters = new ThrowingMeters(mischief);
        var day = new GuestDay(kind, mischief, folder);
        await day.RunAsync(meters.Observe).ConfigureAwait(false);

        // Counters of the event source come a little later.
        await Task.Delay(300).ConfigureAwait(false);
        var ledger = day.Ledger;
        Print("asked", ledger.Asked);
        Print("right", ledger.Right);
        Print("deserved", ledger.Deserved);
        Print("unanswered", ledger.Unanswered);
        Print("wrong", ledger.Wrong);
        Print("balanced", ledger.IsBalanced);
        Print("stopped", day.HasStopped);
        Print(
            "states",
            string.Join(
                ',',
                day.StatesAtTheEnd.OrderBy(static pair => pair.Key, StringComparer.Ordinal)
                    .Select(static pair => $"{pair.Key}:{pair.Value}")));
        Print("activities", activities.Started);
        Print("open", activities.Open);
        Print("thrown", mischief.Thrown);
        Print("calls", string.Join(',', mischief.Calls.Order(StringComparer.Ordinal)));
        Print("throwers", string.Join(',', mischief.Throwers.Order(StringComparer.Ordinal)));
        Print(
            "tenants",
            string.Join(',', mischief.Tenants.Select(static seen => $"{seen.Name}={seen.Tenant}").Order(StringComparer.Ordinal)));
        foreach (var wrong in ledger.FirstWrong)
            Print("example", wrong.ReplaceLineEndings(" "));
        Directory.Delete(folder, recursive: true);
    }

    private static void Print(string fact, object value) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{fact}={value}"));
}
