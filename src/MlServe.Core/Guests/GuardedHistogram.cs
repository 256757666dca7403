using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MlServe.Guests;

/// <summary>A histogram whose listeners may throw.</summary>
internal sealed class GuardedHistogram<T>(Histogram<T>? instrument, GuestReports reports)
    where T : struct
{
    /// <summary>The instrument that is listened to; null if the meter did not make it.</summary>
    public Histogram<T>? Instrument => instrument;

    public bool Enabled => instrument is { Enabled: true };

    public void Record(T value, in KeyValuePair<string, object?> tag)
    {
        try
        {
            instrument?.Record(value, tag);
        }
#pragma warning disable CA1031 // A listener that throws must not cost anybody an answer.
        catch (Exception exception)
        {
            reports.Add(Guest.MeterListener, exception);
        }
    }

    public void Record(T value, in KeyValuePair<string, object?> tag, in KeyValuePair<string, object?> other)
    {
        try
        {
            instrument?.Record(value, tag, other);
        }
        catch (Exception exception)
        {
            reports.Add(Guest.MeterListener, exception);
        }
    }

    public void Record(
        T value, in KeyValuePair<string, object?> tag, in KeyValuePair<string, object?> other, in KeyValuePair<string, object?> third)
    {
        try
        {
            instrument?.Record(value, tag, other, third);
        }
        catch (Exception exception)
        {
            reports.Add(Guest.MeterListener, exception);
        }
    }

    public void Record(T value, in TagList tags)
    {
        try
        {
            instrument?.Record(value, tags);
        }
        catch (Exception exception)
#pragma warning restore CA1031
        {
            reports.Add(Guest.MeterListener, exception);
        }
    }
}
