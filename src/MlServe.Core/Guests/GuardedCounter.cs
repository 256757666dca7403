using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MlServe.Guests;

/// <summary>A counter whose listeners may throw.</summary>
internal sealed class GuardedCounter<T>(Counter<T>? instrument, GuestReports reports)
    where T : struct
{
    public bool Enabled => instrument is { Enabled: true };

    public void Add(T delta, in KeyValuePair<string, object?> tag, in KeyValuePair<string, object?> other) =>
        Add(delta, new TagList { tag, other });

    public void Add(T delta, in TagList tags)
    {
        try
        {
            instrument?.Add(delta, tags);
        }
#pragma warning disable CA1031 // A listener that throws must not cost anybody an answer.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            reports.Add(Guest.MeterListener, exception);
        }
    }
}
