using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// Makes a <see cref="Prediction"/> of one's own, in pooled memory: for predictors that answer by rule, and for decorators that change an answer.
/// Add the outputs in the model's order, then call <see cref="Complete"/> once. Not safe for concurrent use.
/// </summary>
public readonly struct PredictionWriter
{
    private readonly PredictionState _state;
    private readonly int _generation;

    private PredictionWriter(PredictionState state)
    {
        _state = state;
        _generation = state.Generation;
    }

    /// <summary>Begins an answer.</summary>
    public static PredictionWriter Create() => new(PredictionState.Rent());

    /// <summary>Adds a tensor and gives its memory to be filled. Elements that are not written hold no particular value.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="name">The name of the output.</param>
    /// <param name="shape">The sizes of the axes.</param>
    /// <exception cref="ArgumentException">The shape has a negative size or is too large.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public Span<T> AddTensor<T>(string name, params ReadOnlySpan<long> shape)
    {
        ArgumentNullException.ThrowIfNull(name);
        var type = ElementTypes.Require<T>();
        if (Shapes.Count(shape) is var count && (count < 0 || count > Array.MaxLength / Math.Max(1, ElementTypes.SizeOf(type))))
            throw new ArgumentException($"The shape [{string.Join(',', shape.ToArray())}] of output '{name}' is negative or too large.", nameof(shape));

        var value = State.Add();
        value.SetTensor(name, type, shape);
        if (typeof(T) == typeof(string))
            return MemoryMarshal.CreateSpan(ref Unsafe.As<string, T>(ref MemoryMarshal.GetReference(value.Strings)), value.Length);
        return MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetReference(value.Bytes)), value.Length);
    }

    /// <summary>Ends the answer. The writer must not be used afterwards.</summary>
    /// <param name="origin">Where the answer comes from.</param>
    public Prediction Complete(PredictionOrigin origin = default)
    {
        State.Origin = origin;
        return new(State);
    }

    private PredictionState State
    {
        get
        {
            if (_state is null) throw new InvalidOperationException("Begin with PredictionWriter.Create().");
            ObjectDisposedException.ThrowIf(_state.Generation != _generation, typeof(Prediction));
            return _state;
        }
    }
}
