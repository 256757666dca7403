using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// Writes values of every kind into the storage of outputs. Everything that can fail is looked at before anything is added, so that no half
/// of a value stays.
/// </summary>
internal static class OutputWriting
{
    public static Span<T> AddTensor<T>(this OutputValue value, string name, ElementType type, scoped ReadOnlySpan<long> shape)
    {
        value.SetTensor(name, type, shape);

        // The memory was somebody else's before.
        if (type == ElementType.String)
        {
            value.Strings.Fill("");
            return MemoryMarshal.CreateSpan(ref Unsafe.As<string, T>(ref MemoryMarshal.GetReference(value.Strings)), value.Length);
        }

        value.Bytes.Clear();
        return MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetReference(value.Bytes)), value.Length);
    }

    public static ElementType CheckTensor<T>(string name, ReadOnlySpan<long> shape)
    {
        var type = ElementTypes.Require<T>();
        if (Shapes.Count(shape) is var count && (count < 0 || count > Array.MaxLength / Math.Max(1, ElementTypes.SizeOf(type))))
            throw new ArgumentException(
                $"The shape [{string.Join(',', shape.ToArray())}] of output '{name}' is negative or too large.", nameof(shape));
        return type;
    }

    public static void SetMap<TKey, TValue>(this OutputValue value, string name, IReadOnlyDictionary<TKey, TValue> entries)
        where TKey : notnull
    {
        // The dictionary is code of others too: it is gone through once.
        KeyValuePair<TKey, TValue>[] pairs = [.. entries];
        value.SetComposite(name, ValueKind.Map, pairs.Length);
        var keys = value.AddChild().AddTensor<TKey>("", ElementTypes.Require<TKey>(), [pairs.Length]);
        var values = value.AddChild().AddTensor<TValue>("", ElementTypes.Require<TValue>(), [pairs.Length]);
        for (var i = 0; i < pairs.Length; i++)
            (keys[i], values[i]) = (pairs[i].Key, pairs[i].Value);
    }

    public static void CheckMap<TKey, TValue>(IReadOnlyDictionary<TKey, TValue> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        _ = ElementTypes.Require<TKey>();
        _ = ElementTypes.Require<TValue>();
    }

    public static void Check(string name, long length, ReadOnlySpan<long> shape)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (Shapes.Count(shape) is var count && count != length)
        {
            throw new ArgumentException(
                $"Output '{name}' has {length} elements and the shape {Shapes.Format(shape)}, "
                    + $"which {(count < 0 ? "is negative or too large" : $"has {count}")}.",
                nameof(shape));
        }
    }

    public static void Check(in PredictionInput input, int depth)
    {
        if (input.Kind == ValueKind.Tensor && input.ElementType == ElementType.None)
            throw new ArgumentException(
                "default(PredictionInput) is no value. Make one with PredictionInput.Tensor, SequenceOf, MapOf or Absent.", nameof(input));
        ObjectDisposedException.ThrowIf(input.Elements.IsReleased, typeof(OwnedInputs));
        if (input.HasShape) Check(input.Name ?? "", input.Length, input.Shape);
        if (input.Kind != ValueKind.Sequence) return;
        if (depth == OwnedInputs.MaxDepth)
            throw new ArgumentException(
                $"Sequences are nested more than {OwnedInputs.MaxDepth} deep, which no model gives.", nameof(input));
        foreach (ref readonly var part in input.Sequence.AsSpan())
            Check(in part, depth + 1);
    }

    /// <summary>A copy of memory that may throw when it is read; null for all other.</summary>
    public static OwnedInputs? Own(in PredictionInput input) => input.IsForeign ? OwnedInputs.Copy(PredictionInputs.RowOf([input])) : null;

    public static void Copy(OutputValue value, string name, in PredictionInput input)
    {
        switch (input.Kind)
        {
            case ValueKind.Tensor:
                Copy(value, name, input.Elements);
                break;
            case ValueKind.Map:
                value.SetComposite(name, ValueKind.Map, (int)input.Length);
                Copy(value.AddChild(), "", input.Elements);
                Copy(value.AddChild(), "", input.MapValues);
                break;
            case ValueKind.Sequence:
                value.SetComposite(name, ValueKind.Sequence, 0);
                foreach (ref readonly var part in input.Sequence.AsSpan())
                    Copy(value.AddElement(), "", in part);
                break;
            default:
                value.SetComposite(name, input.Kind, 0);
                break;
        }
    }

    private static void Copy(OutputValue value, string name, BorrowedTensor elements)
    {
        value.SetTensor(name, elements.Type, elements.Shape ?? [elements.Length]);
        if (elements.Type == ElementType.String)
        {
            elements.AsSpan<string>().CopyTo(value.Strings);
            return;
        }

        TypedBytes.Of(in elements).CopyTo(value.Bytes);
    }
}
