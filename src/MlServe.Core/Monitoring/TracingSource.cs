using System.Diagnostics;
using MlServe.Guests;

namespace MlServe.Monitoring;

/// <summary>The source of activities, whose listeners may throw: when it is made, and when activities begin and end.</summary>
internal static class TracingSource
{
    private static readonly ActivitySource Source = Create();

    public static bool HasListeners => Source.HasListeners();

    /// <summary>Begins an activity; null if nobody wants it.</summary>
    public static Activity? Start(string name, KeyValuePair<string, object?>[] tags, GuestReports reports)
    {
        var parent = Activity.Current;
        try
        {
            return Source.StartActivity(name, ActivityKind.Internal, parentContext: default, tags);
        }
#pragma warning disable CA1031 // A listener that throws costs no prediction.
        catch (Exception exception)
        {
            reports.Add(Guest.ActivityListener, exception);

            // Where it threw when it was told, the activity has begun, and those that were told before it wait for its end.
            return Activity.Current is { } begun && !ReferenceEquals(begun, parent) && ReferenceEquals(begun.Source, Source) ? begun : null;
        }
    }

    public static void Stop(Activity activity, GuestReports reports)
    {
        try
        {
            activity.Stop();
        }
        catch (Exception exception)
        {
            reports.Add(Guest.ActivityListener, exception);
        }
    }

    private static ActivitySource Create()
    {
        try
        {
            return new(MlServeDiagnostics.ActivitySourceName, MlServeDiagnostics.Version);
        }
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.ActivityListener, exception);
            return Find() ?? new("MlServe.Unheard");
        }
    }

    /// <summary>The source that was made in spite of a listener that threw: those that were asked before it listen to it.</summary>
    private static ActivitySource? Find()
    {
        ActivitySource? found = null;
        using var finder = new ActivityListener
        {
            ShouldListenTo = source =>
            {
                if (source.Name == MlServeDiagnostics.ActivitySourceName) found = source;
                return false;
            },
        };
        ActivitySource.AddActivityListener(finder);
        return found;
    }
}
