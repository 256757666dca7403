namespace MlServe;

/// <summary>The kind of an input or output of a model.</summary>
public enum ValueKind
{
    /// <summary>An array of elements of one type.</summary>
    Tensor = 0,

    /// <summary>A list of values of one kind.</summary>
    Sequence,

    /// <summary>A dictionary from integers or strings to numbers or strings.</summary>
    Map,

    /// <summary>A tensor or sequence that may be absent; an absent one has this kind, a present one that of its content.</summary>
    Optional,
}
