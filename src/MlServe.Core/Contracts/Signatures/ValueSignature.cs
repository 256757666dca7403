using System.Diagnostics;
using MlServe.Tensors;

namespace MlServe;

/// <summary>One input or output of a model. Immutable.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed record ValueSignature
{
    /// <summary>The name by which requests give it or ask for it.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required ValueKind Kind { get; init; }

    /// <summary>
    /// The type of the elements; <see cref="ElementType.None"/> unless <see cref="Kind"/> is <see cref="ValueKind.Tensor"/>.
    /// </summary>
    public ElementType ElementType { get; init; }

    /// <summary>
    /// The axes, the batch axis included; empty for a scalar and for what is no tensor. Of an output this is what the model declares, which
    /// it need not keep: a <see cref="Prediction"/> tells the true shape.
    /// </summary>
    public IReadOnlyList<Dimension> Shape { get; init; } = [];

    /// <summary>Whether <see cref="Shape"/> is known; false if the model leaves it open, so that any number of axes may come.</summary>
    public bool IsShapeKnown { get; init; } = true;

    /// <summary>
    /// The axis along which rows lie, from 0; null if the value has none: a scalar that holds for all rows, or a model that takes one
    /// row at a time. For a sequence, 0 says that each row has one element of it.
    /// </summary>
    public int? BatchAxis { get; init; }

    /// <summary>
    /// Of an input: what a request may hold besides finite numbers; all else is refused (<see cref="PredictionErrorCode.InputNotFinite"/>).
    /// Of an output: what answers to good rows held when the model was loaded, so that it is nothing to worry about.
    /// </summary>
    public NonFiniteValues NonFiniteValues { get; init; }

    /// <summary>
    /// What is inside: the elements of a sequence, the values of a map, what an optional holds if it is there; itself of any kind, and
    /// without a name. Null for a tensor,
    /// and where the model does not say.
    /// </summary>
    public ValueSignature? Content { get; init; }

    /// <summary>The type of a map's keys; <see cref="ElementType.None"/> for all else.</summary>
    public ElementType KeyType { get; init; }

    /// <summary>What the model's author says of it; null if nothing is said.</summary>
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
