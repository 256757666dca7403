using System.Globalization;
using System.Runtime.CompilerServices;

namespace MlServe;

/// <summary>
/// Collects the faults of a set of options, in one form: <c>Option is value; it must be range.</c> An option that is null is not set, and
/// no fault. NaN is in no range.
/// </summary>
internal sealed class OptionRange
{
    private readonly List<string> _faults = [];

    /// <summary>One message for each option that is wrong.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>The message for an option that is wrong.</summary>
    /// <param name="option">Its name.</param>
    /// <param name="value">Its value.</param>
    /// <param name="range">The demand that it must meet.</param>
    public static string Fault(string option, object? value, string range) =>
        string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; it must be {range}.");

    /// <summary>The option must be one of two bounds or between them.</summary>
    public OptionRange Between<T>(T? value, T low, T high, [CallerArgumentExpression(nameof(value))] string option = "")
        where T : struct, IComparable<T> =>
        Check(
            value, value is not { } given || (given.CompareTo(low) >= 0 && given.CompareTo(high) <= 0), $"{Text(low)} to {Text(high)}",
            option);

    /// <summary>The option must be a bound or more.</summary>
    public OptionRange AtLeast<T>(T? value, T low, [CallerArgumentExpression(nameof(value))] string option = "")
        where T : struct, IComparable<T> =>
        Check(value, value is not { } given || given.CompareTo(low) >= 0, $"{Text(low)} or more", option);

    /// <summary>The option must be more than zero.</summary>
    public OptionRange Positive<T>(T? value, [CallerArgumentExpression(nameof(value))] string option = "")
        where T : struct, IComparable<T> =>
        Check(value, value is not { } given || given.CompareTo(default) > 0, "greater than zero", option);

    /// <summary>The option must be more than 0, and 1 at most.</summary>
    public OptionRange PositiveShare(double? value, [CallerArgumentExpression(nameof(value))] string option = "") =>
        Check(value, value is null or (> 0 and <= 1), "greater than 0, up to 1", option);

    /// <summary>The option must be one of the names.</summary>
    public OptionRange Defined<T>(T value, [CallerArgumentExpression(nameof(value))] string option = "")
        where T : struct, Enum => Check(value, Enum.IsDefined(value), OneOf(Enum.GetNames<T>()), option);

    /// <summary>The option must be as <paramref name="range"/> says.</summary>
    /// <param name="value">Its value.</param>
    /// <param name="holds">Whether it is.</param>
    /// <param name="range">The demand that it must meet.</param>
    /// <param name="option">Its name.</param>
    public OptionRange Check<T>(T value, bool holds, string range, [CallerArgumentExpression(nameof(value))] string option = "")
    {
        if (!holds) _faults.Add(Fault(option, value, range));
        return this;
    }

    /// <summary>Adds the faults of options within these.</summary>
    public OptionRange Within(string section, IEnumerable<string> faults)
    {
        _faults.AddRange(faults.Select(fault => $"{section}:{fault}"));
        return this;
    }

    private static string OneOf(string[] names) => $"{string.Join(", ", names[..^1])} or {names[^1]}";

    private static string Text<T>(T bound)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{bound}");
        return bound is TimeSpan time && time.Ticks % TimeSpan.TicksPerSecond != 0 ? text.TrimEnd('0') : text;
    }
}
