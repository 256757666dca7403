namespace MlServe.Quantization.Verification;

/// <summary>
/// An axis of an input: of a fixed length, or of one that callers choose, which then has a name. Axes of one name have one length.
/// </summary>
/// <param name="Length">The length; -1 if callers choose it.</param>
/// <param name="Name">The name; empty if the length is fixed.</param>
internal readonly record struct OpenAxis(long Length, string Name)
{
    /// <summary>The name of a first axis without a name: that of the rows.</summary>
    public const string Rows = "(rows)";

    public bool IsOpen => Length < 0;
}
