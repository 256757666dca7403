using System.Diagnostics;
using System.Runtime.CompilerServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// A copy of a request's inputs in pooled memory, and the owner of that memory. It is for code that needs the inputs longer than the call
/// lends them. Made by <see cref="PredictionInputs.Copy"/>.
/// </summary>
/// <remarks>
/// Dispose it when the task that was given <see cref="Inputs"/> has completed, so that the memory serves others. More than once is allowed,
/// from several threads too, and does nothing. Afterwards <see cref="Inputs"/> and all elements read through it throw
/// <see cref="ObjectDisposedException"/>, and never show another's memory; a call under way with them is answered as
/// <see cref="PredictionStatus.Invalid"/>. A span taken before disposal is outside that promise: do not keep one. Reading is safe from
/// several threads as long as none of them disposes. Never disposed it costs a garbage collection, no more.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class OwnedInputs : IDisposable
{
    /// <summary>Values nest no deeper in any model. Deeper ones are cut off, so that they are refused as such.</summary>
    internal const int MaxDepth = 8;

    /// <summary>The most bytes that are copied before it is known how many the model takes.</summary>
    internal const long MaxBytes = 256L * 1024 * 1024;

    private readonly PredictionInput[] _copies;
    private readonly PredictionInputs _inputs;
    private OwnedElements? _first;
    private List<OwnedElements>? _others;
    private volatile bool _isDisposed;
    private bool _isCut;

    /// <exception cref="UnreadableInputException">The caller's memory cannot be read.</exception>
    private OwnedInputs(in PredictionInputs inputs)
    {
        _copies = new PredictionInput[inputs.Count];
        _inputs = inputs.With(_copies);
        try
        {
            for (var i = 0; i < _copies.Length; i++)
                _copies[i] = Copy(in PredictionInputs.ItemOf(in inputs, i), 0);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The copy, as good as the original for reading and for calls.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public PredictionInputs Inputs
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(OwnedInputs));
            return _inputs;
        }
    }

    /// <summary>The bytes that the elements take; of a text its reference and two bytes a character.</summary>
    public long Bytes { get; private set; }

    /// <summary>Whether reading the inputs runs code of the caller's.</summary>
    internal static bool AreNeeded(in PredictionInputs inputs)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            if (PredictionInputs.ItemOf(in inputs, i).IsForeign) return true;
        }

        return false;
    }

    /// <summary>The bytes that elements take, texts not counted.</summary>
    internal static long BytesOf(in PredictionInputs inputs)
    {
        var bytes = 0L;
        for (var i = 0; i < inputs.Count; i++)
            bytes += BytesOf(in PredictionInputs.ItemOf(in inputs, i), 0);
        return bytes;
    }

    /// <exception cref="UnreadableInputException">The caller's memory cannot be read.</exception>
    internal static OwnedInputs Copy(in PredictionInputs inputs) => new(in inputs);

    /// <summary>For users, who may have no model that refuses the parts that were cut off.</summary>
    internal static OwnedInputs CopyAll(in PredictionInputs inputs)
    {
        ThrowIfDisposed(in inputs);
        var copy = Copy(in inputs);
        if (!copy._isCut) return copy;
        copy.Dispose();
        throw new InvalidOperationException(
            $"The inputs hold sequences of sequences, more than {MaxDepth} deep, and are not copied. No model takes that: a sequence "
            + "holds tensors or maps.");
    }

    /// <summary>Asks with a copy; an exception of the caller's memory is a fault of its request.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal static async ValueTask<Prediction> PredictAsync(
        IPredictor predictor, PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken)
    {
        OwnedInputs owned;
        try
        {
            owned = Copy(in inputs);
        }
        catch (UnreadableInputException exception)
        {
            return Prediction.FromError(Unreadable(exception));
        }

        using (owned)
            return await deadline.Ask(predictor, owned.Inputs, options, cancellationToken).ConfigureAwait(false);
    }

    internal static PredictionError Unreadable(UnreadableInputException exception) =>
        new(PredictionStatus.Invalid, PredictionErrorCode.InputUnreadable, "{0}", exception.Message)
        {
            Exception = exception.InnerException ?? exception,
        };

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        Release(_first);
        for (var i = 0; i < _others?.Count; i++)
            Release(_others[i]);
    }

    /// <summary>The value in a line for people who debug: names, types and shapes, never an element. Never throws.</summary>
    public override string ToString() => _isDisposed ? "disposed" : $"{Bytes} bytes copied, {_inputs}";

    /// <summary>Of several that dispose at once, one gets the array.</summary>
    private static void Release(OwnedElements? owned)
    {
        if (owned?.Release() is byte[] bytes) Buffers.Return(bytes);
    }

    private static long BytesOf(in PredictionInput input, int depth)
    {
        if (input.Kind == ValueKind.Map) return BytesOf(input.Elements) + BytesOf(input.MapValues);
        if (input.Kind != ValueKind.Sequence) return BytesOf(input.Elements);
        var bytes = 0L;
        for (var i = 0; i < input.Sequence.Length && depth < MaxDepth; i++)
            bytes += BytesOf(in input.Sequence[i], depth + 1);
        return bytes;
    }

    private static long BytesOf(in BorrowedTensor tensor) => Math.Max(0, tensor.Length * Math.Max(1, ElementTypes.SizeOf(tensor.Type)));

    private static void ThrowIfDisposed(in PredictionInputs inputs)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            var input = PredictionInputs.ItemOf(in inputs, i);
            while (input.Kind == ValueKind.Sequence && input.Sequence.Length > 0)
                input = input.Sequence[0];
            ObjectDisposedException.ThrowIf(input.Elements.IsReleased, typeof(OwnedInputs));
        }
    }

    private PredictionInput Copy(in PredictionInput input, int depth)
    {
        switch (input.Kind)
        {
            case ValueKind.Tensor:
                return input.With(Copy(input.Elements), null);
            case ValueKind.Map:
                return input.With(Copy(input.Elements), Copy(input.MapValues));
            case ValueKind.Sequence when depth < MaxDepth:
                var parts = new PredictionInput[input.Sequence.Length];
                for (var i = 0; i < parts.Length; i++)
                    parts[i] = Copy(in input.Sequence[i], depth + 1);
                return input.With(default, parts);
            case ValueKind.Sequence:
                _isCut = true;
                return input.With(default, new PredictionInput[Math.Min(1, input.Sequence.Length)]);
            default:
                return input;
        }
    }

    private BorrowedTensor Copy(in BorrowedTensor tensor)
    {
        var shape = (long[]?)tensor.Shape?.Clone();
        if (tensor.Type == ElementType.None) return tensor;
        if (tensor.Type == ElementType.String)
        {
            var texts = BorrowedTensor.FromOwned(tensor.Type, Own(tensor.AsSpan<string>().ToArray()), (int)tensor.Length, shape);
            Bytes += texts.Bytes;
            return texts;
        }

        var source = TypedBytes.Of(in tensor);
        var bytes = Buffers.Rent(source.Length);
        var owned = Own(bytes);
        source.CopyTo(bytes);
        Bytes += source.Length;
        return BorrowedTensor.FromOwned(tensor.Type, owned, (int)tensor.Length, shape);
    }

    private OwnedElements Own(Array elements)
    {
        var owned = new OwnedElements(elements);
        if (_first is null) _first = owned;
        else (_others ??= []).Add(owned);
        return owned;
    }
}
