using System.Runtime.CompilerServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// A copy of a request's inputs in memory of our own: for whoever must read the same elements twice, and for memory that runs code of its owner's when it is
/// read, which must make nobody else wait. Not safe for concurrent use.
/// </summary>
internal sealed class OwnedInputs : IDisposable
{
    /// <summary>Values nest no deeper in any model; what does is refused before it is copied.</summary>
    public const int MaxDepth = 8;

    /// <summary>The most bytes that are copied before it is known how many the model takes.</summary>
    public const long MaxBytes = 256L * 1024 * 1024;

    private readonly List<byte[]> _rented = [];

    private OwnedInputs()
    {
    }

    public PredictionInputs Inputs { get; private set; }

    /// <summary>Whether reading the inputs runs code of the caller's.</summary>
    public static bool AreNeeded(in PredictionInputs inputs)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            if (PredictionInputs.ItemOf(in inputs, i).IsForeign) return true;
        }

        return false;
    }

    /// <summary>The bytes that elements take, texts not counted.</summary>
    public static long BytesOf(in PredictionInputs inputs)
    {
        var bytes = 0L;
        for (var i = 0; i < inputs.Count; i++)
            bytes += BytesOf(in PredictionInputs.ItemOf(in inputs, i), 0);
        return bytes;
    }

    /// <exception cref="UnreadableInputException">The caller's memory cannot be read.</exception>
    public static OwnedInputs Copy(in PredictionInputs inputs)
    {
        var owned = new OwnedInputs();
        try
        {
            var copies = new PredictionInput[inputs.Count];
            for (var i = 0; i < copies.Length; i++)
                copies[i] = owned.Copy(in PredictionInputs.ItemOf(in inputs, i), 0);
            owned.Inputs = inputs.With(copies);
            return owned;
        }
        catch
        {
            owned.Dispose();
            throw;
        }
    }

    /// <summary>Asks with a copy; what the caller's memory throws is a fault of its request.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<Prediction> PredictAsync(
        IPredictor predictor, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
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
            return await predictor.PredictAsync(owned.Inputs, options, cancellationToken).ConfigureAwait(false);
    }

    public static PredictionError Unreadable(UnreadableInputException exception) =>
        new(PredictionStatus.Invalid, PredictionErrorCode.InputUnreadable, "{0}", exception.Message) { Exception = exception.InnerException ?? exception };

    public void Dispose()
    {
        foreach (var bytes in _rented)
            Buffers.Return(bytes);
        _rented.Clear();
    }

    private static long BytesOf(in PredictionInput input, int depth)
    {
        if (input.Kind != ValueKind.Sequence)
            return Math.Max(0, input.Elements.Length * Math.Max(1, ElementTypes.SizeOf(input.Elements.Type)));
        var bytes = 0L;
        for (var i = 0; i < input.Sequence.Length && depth < MaxDepth; i++)
            bytes += BytesOf(in input.Sequence[i], depth + 1);
        return bytes;
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
            default:
                return input;
        }
    }

    private BorrowedTensor Copy(in BorrowedTensor tensor)
    {
        var shape = (long[]?)tensor.Shape?.Clone();
        if (tensor.Type == ElementType.None) return tensor;
        if (tensor.Type == ElementType.String) return BorrowedTensor.From(tensor.AsSpan<string>().ToArray(), shape);
        var source = TypedBytes.Of(in tensor);
        var bytes = Buffers.Rent(source.Length);
        _rented.Add(bytes);
        source.CopyTo(bytes);
        return BorrowedTensor.FromBytes(tensor.Type, bytes, (int)tensor.Length, shape);
    }
}
