using System.Runtime.CompilerServices;
using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>Pads requests to a bucket before they are batched, and cuts their answers back.</summary>
internal sealed class PaddingPredictor : DelegatingPredictor, IKeepsDeadlines, ITakesDeadlines
{
    private readonly IModelExecutor _executor;
    private readonly PaddingOptions _options;
    private readonly PaddedAxis _axis;
    private readonly BatchingPredictor _batching;
    private readonly LearntLengths? _learnt;

    public PaddingPredictor(BatchingPredictor inner, IModelExecutor executor, PaddingOptions options)
        : base(inner)
    {
        _executor = executor;
        _options = options;
        _batching = inner;
        _axis = PaddedAxis.Find(executor.Signature, options);
        if (options.Buckets.Count == 0) _learnt = new(inner.Capacity);
        PaddingFill.Check(executor, _axis, options);
    }

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        PredictAsync(inputs, options, Deadline.Never, cancellationToken);

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken)
    {
        if (OwnedInputs.AreNeeded(in inputs) && OwnedInputs.BytesOf(in inputs) <= OwnedInputs.MaxBytes)
            return OwnedInputs.PredictAsync(this, inputs, options, deadline, cancellationToken);

        // What the request lacks beside the mask is told by the predictor behind; so is whatever else is wrong with it.
        var length = _axis.LengthOf(_executor, in inputs, options, out var rows);
        if (length == 0) return new(Prediction.FromError(Empty(in inputs)));
        var bucket = BucketFor(length);
        var isAsItCame = bucket == length && !_axis.LacksMask(in inputs);
        if (length < 0 || (_learnt is null && isAsItCame)) return deadline.Ask(Inner, inputs, options, cancellationToken);
        return PredictPaddedAsync(inputs, options, deadline, length, bucket, rows, cancellationToken);
    }

    /// <summary>The lengths that are learnt; null if they were given.</summary>
    public LearntLengths? Learnt => _learnt;

    /// <summary>Disposes the batcher too, which was made for it alone.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing) Inner.Dispose();
        base.Dispose(disposing);
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        await Inner.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsyncCore().ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Prediction> PredictPaddedAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, long length, long bucket, int rows,
        CancellationToken cancellationToken)
    {
        if (_learnt is not null && bucket == length && !_axis.LacksMask(in inputs))
            return Learn(await deadline.Ask(Inner, inputs, options, cancellationToken).ConfigureAwait(false), rows, length, length);

        PaddedInputs padded;
        try
        {
            padded = PaddedInputs.Create(_axis, _options, in inputs, length, bucket, rows);
        }
        catch (UnreadableInputException exception)
        {
            return Prediction.FromError(OwnedInputs.Unreadable(exception).Of(_executor.Identity));
        }

        using var memory = padded;
        var prediction = await deadline.Ask(Inner, padded.Inputs, options, cancellationToken).ConfigureAwait(false);
        Learn(prediction, rows, length, bucket);
        if (!prediction.IsOk || bucket == length) return prediction;
        using (prediction)
            return _axis.CutBack(prediction, length, bucket);
    }

    /// <summary>A request of several rows may have been answered by several runs, and says nothing of one.</summary>
    private Prediction Learn(Prediction prediction, int rows, long length, long filled)
    {
        if (rows == 1 && prediction.IsOk) _learnt?.Learn(prediction.Origin, length, filled);
        return prediction;
    }

    /// <summary>Filled up from nothing, a request would ask the model about filling alone, and many models answer that with NaN.</summary>
    private PredictionError Empty(in PredictionInputs inputs)
    {
        ValueSignature? empty = null;
        for (var index = 0; index < _axis.Signature.Inputs.Count && empty is null; index++)
        {
            if (_axis.AxisOf(index) >= 0 && _axis.Find(in inputs, index) >= 0) empty = _axis.Signature.Inputs[index];
        }

        return new(PredictionStatus.Invalid, PredictionErrorCode.InputEmpty,
            "Input {0} came with no elements along the axis '{1}', which is padded (MlServing:Models:{2}:Batching:Padding:Axis). "
                + "Send at least one.",
            empty, _options.Axis, _executor.Identity.Name)
        {
            Model = _executor.Identity,
        };
    }

    /// <summary>The size to pad to; the length itself if it is larger than all buckets.</summary>
    private long BucketFor(long length)
    {
        if (_learnt is not null) return _learnt.For(length, _batching.InFlight);
        foreach (var bucket in _options.Buckets)
        {
            if (bucket >= length) return bucket;
        }

        return length;
    }
}
