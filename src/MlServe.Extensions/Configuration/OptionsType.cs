using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace MlServe.Configuration;

/// <summary>
/// A type whose values configuration can hold, and the way to make lists and dictionaries of it. That takes its name in code, or it would
/// not work ahead of time.
/// </summary>
internal abstract class OptionsType
{
    /// <summary>The keys of a class of options; empty for a single value.</summary>
    public PropertyInfo[] Properties { get; protected init; } = [];

    /// <summary>Makes one with its defaults; null for a single value.</summary>
    public Func<object>? New { get; protected init; }

    /// <summary>Whether its properties are keys.</summary>
    public bool IsObject => New is not null;

    public abstract IList NewList();

    /// <summary>Makes a dictionary that compares its names as another one does.</summary>
    public abstract IDictionary NewDictionary(object? like);

    /// <summary>Makes a dictionary of lists that compares its names as another one does.</summary>
    public abstract IDictionary NewDictionaryOfLists(object? like);

    /// <summary>A single value.</summary>
    public static OptionsType Value<T>() => new Of<T>();

    /// <summary>A class whose properties are keys.</summary>
    public static OptionsType Object<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>()
        where T : class, new() =>
        new Of<T> { Properties = typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance), New = static () => new T() };

    private sealed class Of<T> : OptionsType
    {
        public override IList NewList() => new List<T>();

        public override IDictionary NewDictionary(object? like) =>
            new Dictionary<string, T>((like as Dictionary<string, T>)?.Comparer ?? StringComparer.Ordinal);

        public override IDictionary NewDictionaryOfLists(object? like) =>
            new Dictionary<string, IList<T>>((like as Dictionary<string, IList<T>>)?.Comparer ?? StringComparer.Ordinal);
    }
}
