using System.Collections.Immutable;
using MlServe.Tensors;

namespace MlServe.Testing;

/// <summary>
/// A predictor for tests. It answers by a function of the inputs, or with zeros, records its requests, and keeps the contract of
/// <see cref="IPredictor"/>. Safe for concurrent use; a change holds for requests that come later.
/// </summary>
public sealed class FakePredictor : IPredictor
{
    /// <summary>How many requests are recorded; of more, the latest.</summary>
    public const int MaxRequests = 1000;

    private readonly Lock _lock = new();
    private volatile Func<PredictionInputs, Prediction> _answer;
    private ImmutableQueue<RecordedRequest> _requests = [];
    private int _recorded;
    private long _count;
    private volatile bool _isDisposed;

    /// <summary>Makes one that answers with zeros, shaped as the signature says, free axes of size 1.</summary>
    /// <param name="signature">Its inputs and outputs. Requests are not held against it.</param>
    public FakePredictor(ModelSignature signature)
    {
        ArgumentNullException.ThrowIfNull(signature);
        Signature = signature;
        _answer = Zeros;
    }

    /// <summary>Makes one that answers by a function which writes the outputs.</summary>
    /// <param name="signature">Its inputs and outputs. Requests are not held against it.</param>
    /// <param name="answer">Reads the inputs and writes the outputs. An exception that it throws goes to the caller.</param>
    public FakePredictor(ModelSignature signature, Action<PredictionInputs, PredictionWriter> answer)
        : this(signature) => AnswerWith(answer);

    /// <inheritdoc />
    public ModelSignature Signature { get; }

    /// <summary>How long an answer takes. Default: none, so that it is there when the call returns.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>The clock of <see cref="Delay"/>. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>How many requests have come.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>The requests that have come, in their order, the latest <see cref="MaxRequests"/>; also after disposal.</summary>
    public IReadOnlyList<RecordedRequest> Requests
    {
        get
        {
            lock (_lock)
                return [.. _requests];
        }
    }

    /// <summary>Answers by a function which writes the outputs.</summary>
    /// <param name="answer">Reads the inputs and writes the outputs. An exception that it throws goes to the caller.</param>
    public void AnswerWith(Action<PredictionInputs, PredictionWriter> answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        _answer = inputs =>
        {
            var writer = PredictionWriter.Create();
            try
            {
                answer(inputs, writer);
            }
            catch
            {
                writer.Complete().Dispose();
                throw;
            }

            return writer.Complete();
        };
    }

    /// <summary>Answers by a function which makes the whole prediction: some requests with outputs, say, and some with errors.</summary>
    /// <param name="answer">Reads the inputs and makes the answer, which is the caller's. An exception that it throws goes to the
    /// caller.</param>
    public void AnswerWith(Func<PredictionInputs, Prediction> answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        _answer = answer;
    }

    /// <summary>Answers every request with an error.</summary>
    /// <param name="error">The error.</param>
    public void FailWith(PredictionError error)
    {
        ArgumentNullException.ThrowIfNull(error);
        _answer = _ => Prediction.FromError(error);
    }

    /// <summary>Throws at every request, as no predictor should.</summary>
    /// <param name="exception">The exception that is thrown.</param>
    public void Throw(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        _answer = _ => throw exception;
    }

    /// <inheritdoc />
    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);
        Record(inputs, options, cancellationToken);
        var delay = Delay;
        return delay > TimeSpan.Zero ? AnswerLaterAsync(inputs, delay, cancellationToken) : new(_answer(inputs));
    }

    /// <inheritdoc />
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is null && serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Refuses requests from here on. The records stay.</summary>
    public void Dispose() => _isDisposed = true;

    /// <inheritdoc cref="Dispose" />
    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    private async ValueTask<Prediction> AnswerLaterAsync(PredictionInputs inputs, TimeSpan delay, CancellationToken cancellationToken)
    {
        await Task.Delay(delay, TimeProvider, cancellationToken).ConfigureAwait(false);
        return _answer(inputs);
    }

    private void Record(PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        // Not disposed: a test reads it whenever it likes, and the garbage collector has the rest.
        var request = new RecordedRequest(inputs.Copy().Inputs, options, cancellationToken);
        lock (_lock)
        {
            _count++;
            _requests = _requests.Enqueue(request);
            if (_recorded == MaxRequests) _requests = _requests.Dequeue();
            else _recorded++;
        }
    }

    private Prediction Zeros(PredictionInputs inputs)
    {
        var rows = inputs.RowsOf(Signature) ?? 1;
        var writer = PredictionWriter.Create();
        foreach (var output in Signature.Outputs)
        {
            if (output.Kind == ValueKind.Tensor) AddZeros(writer, output, rows, inputs.IsRow);
            else if (output.Kind == ValueKind.Sequence) writer.AddSequence(output.Name);
            else if (output.Kind == ValueKind.Optional) writer.AddAbsent(output.Name);
            else writer.AddMap(output.Name, new Dictionary<long, float>());
        }

        return writer.Complete();
    }

    private static void AddZeros(PredictionWriter writer, ValueSignature output, int rows, bool isRow)
    {
        var shape = new List<long>();
        for (var axis = 0; axis < output.Shape.Count; axis++)
        {
            if (axis != output.BatchAxis) shape.Add(output.Shape[axis].Size ?? 1);
            else if (!isRow) shape.Add(rows);
        }

        long[] sizes = [.. shape];
        switch (output.ElementType)
        {
            case ElementType.Double: writer.AddTensor<double>(output.Name, sizes); break;
            case ElementType.Float16: writer.AddTensor<Half>(output.Name, sizes); break;
            case ElementType.BFloat16: writer.AddTensor<BFloat16>(output.Name, sizes); break;
            case ElementType.UInt8: writer.AddTensor<byte>(output.Name, sizes); break;
            case ElementType.Int8: writer.AddTensor<sbyte>(output.Name, sizes); break;
            case ElementType.UInt16: writer.AddTensor<ushort>(output.Name, sizes); break;
            case ElementType.Int16: writer.AddTensor<short>(output.Name, sizes); break;
            case ElementType.UInt32: writer.AddTensor<uint>(output.Name, sizes); break;
            case ElementType.Int32: writer.AddTensor<int>(output.Name, sizes); break;
            case ElementType.UInt64: writer.AddTensor<ulong>(output.Name, sizes); break;
            case ElementType.Int64: writer.AddTensor<long>(output.Name, sizes); break;
            case ElementType.Bool: writer.AddTensor<bool>(output.Name, sizes); break;
            case ElementType.String: writer.AddTensor<string>(output.Name, sizes); break;
            default: writer.AddTensor<float>(output.Name, sizes); break;
        }
    }
}
