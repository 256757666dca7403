namespace MlServe.Batching;

/// <summary>
/// How requests of different sizes are made alike so that they can run together. One free axis, a sequence's length most often, is filled
/// up to the next of a few sizes. Outputs that have the axis are cut back.
/// </summary>
public sealed class PaddingOptions
{
    /// <summary>
    /// The name of the free axis, as the model declares it (<c>sequence</c>). A request without any elements along it is refused. Default:
    /// null: nothing is padded.
    /// </summary>
    public string? Axis { get; set; }

    /// <summary>
    /// The sizes to pad to, ascending, each 1 or more. A request larger than the largest is not padded. Few sizes batch better, many waste
    /// less. Default: none. If <see cref="MaskInput"/> is set, up to 16 sizes are then learnt from the lengths that come and from the cost
    /// of runs. Without a mask, sizes must be given.
    /// </summary>
    public IList<int> Buckets { get; set; } = [];

    /// <summary>The values to fill inputs with, by name; default: 0 (false, an empty string) for inputs that are not named.</summary>
    public IDictionary<string, double> Values { get; set; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>
    /// An input that tells the model which elements are real: 1 for those that came, 0 for those that were filled up. If a request does not
    /// give it, it is made. Default: null: there is none, or every request gives it (and it is padded like the others).
    /// </summary>
    public string? MaskInput { get; set; }

    internal IEnumerable<string> Validate()
    {
        if (Axis is null)
        {
            if (Buckets.Count > 0) yield return $"{nameof(Buckets)} are given, and {nameof(Axis)} is not. Name the axis to pad.";
            yield break;
        }

        if (Buckets.Count == 0 && MaskInput is null)
        {
            yield return $"{nameof(Axis)} is '{Axis}', and {nameof(Buckets)} is empty. Give the sizes to pad to, or "
                + $"the {nameof(MaskInput)}: with a mask they are learnt.";
        }

        for (var i = 0; i < Buckets.Count; i++)
        {
            if (Buckets[i] < 1) yield return OptionRange.Fault($"{nameof(Buckets)}:{i}", Buckets[i], "1 or more");
            else if (i > 0 && Buckets[i] <= Buckets[i - 1])
                yield return FormattableString.Invariant(
                    $"{nameof(Buckets)}:{i} is {Buckets[i]} after {Buckets[i - 1]}; the sizes must ascend.");
        }
    }
}
