using System.Diagnostics;
using MlServe.Tensors;

namespace MlServe;

/// <summary>One input or output of a model. Immutable.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed record ValueSignature
{
    /// <summary>The name by which requests give it or ask for it.</summary>
    public required string Name { get; init; }

    /// <summary>The kind of the value.</summary>
    public required ValueKind Kind { get; init; }

    /// <summary>
    /// The type of the elements; <see cref="ElementType.None"/> unless <see cref="Kind"/> is <see cref="ValueKind.Tensor"/>.
    /// </summary>
    public ElementType ElementType { get; init; }

    /// <summary>
    /// The axes, the batch axis included; empty for a scalar and for a value that is no tensor. Of an output this is what the model
    /// declares, which it need not keep: a <see cref="Prediction"/> tells the true shape.
    /// </summary>
    public IReadOnlyList<Dimension> Shape { get; init; } = [];

    /// <summary>Whether <see cref="Shape"/> is known; false if the model leaves it open, so that any number of axes may come.</summary>
    public bool IsShapeKnown { get; init; } = true;

    /// <summary>
    /// The axis along which rows lie, from 0. It is null if the value has none: a scalar that holds for all rows, or a model that takes one
    /// row at a time. For a sequence, 0 says that each row has one element of it.
    /// </summary>
    public int? BatchAxis { get; init; }

    /// <summary>
    /// Of an input: the values that a request may hold besides finite numbers; all else is refused
    /// (<see cref="PredictionErrorCode.InputNotFinite"/>). Of an output: the values that answers to good rows held when the model was
    /// loaded, so that they are nothing to worry about.
    /// </summary>
    public NonFiniteValues NonFiniteValues { get; init; }

    /// <summary>
    /// The signature of the contents: of a sequence's elements, of a map's values, or of an optional's value if it is there. The contents
    /// are of any kind, and have no name. Null for a tensor, and if the model does not say.
    /// </summary>
    public ValueSignature? Content { get; init; }

    /// <summary>The type of a map's keys; <see cref="ElementType.None"/> for all else.</summary>
    public ElementType KeyType { get; init; }

    /// <summary>The description by the model's author; null if nothing is said.</summary>
    public string? Description { get; init; }

    /// <summary>Whether a request may leave the input out: it has a default, or the model declares it optional.</summary>
    public bool IsOptional { get; init; }

    /// <inheritdoc />
    public override string ToString() => $"{Name}: {TypeName}{(IsOptional ? "?" : "")}";

    private string TypeName => Kind switch
    {
        ValueKind.Tensor => $"{ElementTypes.NameOf(ElementType)}[{(IsShapeKnown ? string.Join(',', Shape) : "...")}]",
        ValueKind.Map when Content is not null => $"map({ElementTypes.NameOf(KeyType)},{Content.TypeName})",
        _ => $"{Kind.ToString().ToLowerInvariant()}{(Content is null ? "" : $"({Content.TypeName})")}",
    };
}
