using System.Diagnostics.CodeAnalysis;

namespace MlServe.Onnx.Rows;

/// <summary>The facts about a value. Immutable.</summary>
/// <remarks>
/// The heart is <see cref="FlowKind.Rows"/>. Let the dimension <see cref="Axis"/> of the value alone be <c>Outer × f</c>. In company of B
/// rows it is <c>Outer × B × f</c>, in this order. With the dimension seen as these three, the value is its rows alone, joined along the
/// middle one. An outer size above 1 is left by a reshape of [T, B, C] to [T·B, C]. An f above 1 is left by one of [B, T, C] to [B·T, C].
/// All sizes are those of a run of one row.
/// </remarks>
internal sealed class FlowValue
{
    /// <summary>The most elements of which terms are kept.</summary>
    public const int MaxTerms = 256;

    private FlowValue()
    {
    }

    public required FlowKind Kind { get; init; }

    /// <summary>The dimensions alone; null if not even their number is known. Rows always have them.</summary>
    public Size[]? Dims { get; init; }

    /// <summary>The axis along which rows lie.</summary>
    public int Axis { get; init; }

    public Size Outer { get; init; } = Size.One;

    /// <summary>
    /// For rows of integers that count from the first row on. In company the integers of the r-th row are those that it has alone, plus r
    /// times this. Null for all else.
    /// </summary>
    public Size? Stride { get; init; }

    /// <summary>As <see cref="Stride"/>, for each index of a tuple along the last axis by itself.</summary>
    public Size?[]? Strides { get; init; }

    /// <summary>Whether alone no element is below 0. Of integers only.</summary>
    public bool IsNonNegative { get; init; }

    /// <summary>The bound below which all elements are alone; null if it is not known.</summary>
    public Size? Below { get; init; }

    /// <summary>
    /// The elements, if they are few and all dimensions are known. A null is an element that follows from the number of rows in a way that
    /// is not understood.
    /// </summary>
    public Term?[]? Terms { get; init; }

    /// <summary>Whether the terms are those of floats.</summary>
    public bool IsReal { get; init; }

    public Cause? Cause { get; init; }

    /// <summary>
    /// Why rows may not be what they are taken for. They are followed all the same: if they are mixed later on for certain, it does not
    /// matter whether they were before. All that is made of this value has it as well, sizes too.
    /// </summary>
    public Cause? Doubt { get; private init; }

    /// <summary>Of a broken value: why rows depend on their company if its shape is taken as data. Null: for the same cause as
    /// otherwise.</summary>
    public Cause? ShapeCause { get; init; }

    /// <summary>Of a broken value that is a size: why rows depend on their company if it is taken as data, and not as a shape.</summary>
    public Cause? DataCause { get; init; }

    /// <summary>
    /// For a broken value whose elements are in order, but in a shape that cuts through rows. It is the value from before, which a reshape
    /// may bring back.
    /// </summary>
    public FlowValue? Flat { get; init; }

    /// <summary>Of a sequence: a value like each of its elements; null for an empty one.</summary>
    public FlowValue? Element { get; init; }

    public int Rank => Dims?.Length ?? -1;

    [MemberNotNullWhen(true, nameof(Dims))]
    public bool IsRows => Kind == FlowKind.Rows;

    public bool IsBroken => Kind == FlowKind.Broken;

    /// <summary>Whether it tells which row of the batch a row is.</summary>
    public bool IsPosition => Stride is not null || Strides is not null;

    /// <summary>
    /// Whether alone each element is one of the places that a row has. Else a request whose index is out of range would find another row's
    /// data in company, and an error alone.
    /// </summary>
    public bool FindsOwnPlaces => Stride is { } stride && IsNonNegative && Below is { } below
        && (below == stride || below.Is(1) || (below.IsKnown && stride.IsKnown && below.Factor <= stride.Factor));

    /// <summary>The axis of the rows counted from behind, the last axis being 1.</summary>
    public int AxisFromEnd => Rank - Axis;

    public static FlowValue Shared(Size[]? dims) => new() { Kind = FlowKind.Shared, Dims = dims };

    public static FlowValue Count(Size[]? dims) => new() { Kind = FlowKind.Count, Dims = dims };

    public static FlowValue Rows(Size[] dims, int axis, Size outer) =>
        new() { Kind = FlowKind.Rows, Dims = dims, Axis = axis, Outer = outer };

    public static FlowValue Broken(Cause cause, Cause? shapeCause = null) =>
        new() { Kind = FlowKind.Broken, Cause = cause, ShapeCause = shapeCause };

    public static FlowValue BrokenSize(Cause cause, Cause dataCause) =>
        new() { Kind = FlowKind.Broken, Cause = cause, DataCause = dataCause };

    public static FlowValue Cut(Cause cause, FlowValue flat) => new() { Kind = FlowKind.Broken, Cause = cause, Flat = flat };

    public static FlowValue Sequence(FlowValue? element) => new() { Kind = FlowKind.Sequence, Element = element, Doubt = element?.Doubt };

    public static FlowValue RowSequence() => new() { Kind = FlowKind.RowSequence };

    /// <summary>Terms decide between values that are shared and values that follow from the number of rows.</summary>
    public static FlowValue OfTerms(Size[] dims, Term?[] terms, bool isReal) => new()
    {
        Kind = Array.Exists(terms, static term => term is not { IsScaled: false }) ? FlowKind.Count : FlowKind.Shared,
        Dims = dims,
        Terms = terms,
        IsReal = isReal,
        IsNonNegative = Array.TrueForAll(terms, static term => term is { Alone.IsCount: true }),
        Below = terms.Length > 0
            && Array.TrueForAll(
                terms, static term => term is { IsScaled: false, Alone: { IsKnown: true, Factor: >= 0 and < int.MaxValue } })
            ? Size.Of(terms.Max(static term => term!.Value.Alone.Factor) + 1)
            : null,
    };

    /// <summary>New data of the same kind, which an operator computes of this value row by row.</summary>
    public FlowValue Derive(Size[] dims, int axis) => Kind switch
    {
        FlowKind.Rows => Rows(dims, axis, Outer).WithDoubt(Doubt),
        FlowKind.Count => Count(dims).WithDoubt(Doubt),
        _ => Shared(dims).WithDoubt(Doubt),
    };

    /// <summary>New data of the same kind and shape.</summary>
    public FlowValue Derive() =>
        Dims is { } dims ? Derive(dims, Axis) : (Kind == FlowKind.Count ? Count(null) : Shared(null)).WithDoubt(Doubt);

    /// <summary>The same elements in another shape or order that leaves rows whole.</summary>
    public FlowValue Restructure(Size[] dims, int axis) => Kind == FlowKind.Rows
        ? new()
        {
            Kind = FlowKind.Rows,
            Dims = dims,
            Axis = axis,
            Outer = Outer,
            Stride = Stride,
            IsNonNegative = IsNonNegative,
            Below = Below,
            Doubt = Doubt,
        }
        : new() { Kind = Kind, Dims = dims, IsNonNegative = IsNonNegative, Below = Below, Doubt = Doubt };

    public FlowValue WithOuter(Size outer) => new()
    {
        Kind = Kind,
        Dims = Dims,
        Axis = Axis,
        Outer = outer,
        Stride = Stride,
        Strides = Strides,
        IsNonNegative = IsNonNegative,
        Below = Below,
        Doubt = Doubt,
    };

    public FlowValue WithStride(Size? stride, bool isNonNegative, Size? below) => new()
    {
        Kind = Kind,
        Dims = Dims,
        Axis = Axis,
        Outer = Outer,
        Stride = stride,
        IsNonNegative = isNonNegative,
        Below = below,
        Doubt = Doubt,
    };

    public FlowValue WithStrides(Size?[] strides) =>
        new() { Kind = Kind, Dims = Dims, Axis = Axis, Outer = Outer, Strides = strides, Doubt = Doubt };

    public FlowValue NonNegative(Size? below = null) => new()
    {
        Kind = Kind,
        Dims = Dims,
        Axis = Axis,
        Outer = Outer,
        Stride = Stride,
        IsNonNegative = true,
        Below = below,
        Terms = Terms,
        IsReal = IsReal,
        Doubt = Doubt,
    };

    public FlowValue WithDoubt(Cause? doubt)
    {
        if (doubt is null || Doubt is not null) return this;

        // What is broken is told by its cause; only what a reshape may bring back is still in doubt.
        if (IsBroken) return Flat is null ? this : Cut(Cause!, Flat.WithDoubt(doubt));
        return new()
        {
            Kind = Kind,
            Dims = Dims,
            Axis = Axis,
            Outer = Outer,
            Stride = Stride,
            Strides = Strides,
            IsNonNegative = IsNonNegative,
            Below = Below,
            Terms = Terms,
            IsReal = IsReal,
            Element = Element,
            Doubt = doubt,
        };
    }

    /// <summary>The same without the facts about its elements.</summary>
    public FlowValue WithoutTerms() => Terms is null
        ? this
        : new() { Kind = Kind, Dims = Dims, IsNonNegative = IsNonNegative, Below = Below, Doubt = Doubt };

    public override string ToString() => Kind switch
    {
        FlowKind.Broken => $"broken: {Cause!.Reason}",
        FlowKind.Sequence => $"sequence of {Element}",
        FlowKind.RowSequence => "a sequence of rows",
        _ => $"{Kind}[{(Dims is null ? "..." : string.Join(", ", Dims))}]"
            + (!IsRows ? "" : Outer.Is(1) ? $" along {Axis}" : $" along {Axis}, outer {Outer}")
            + (Terms is null ? "" : $" = {string.Join(", ", Terms.Select(static term => term?.ToString() ?? "?"))}"),
    };
}
