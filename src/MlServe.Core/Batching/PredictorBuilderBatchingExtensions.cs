using MlServe.Batching;

namespace MlServe;

/// <summary>Adds batching to a pipeline.</summary>
public static class PredictorBuilderBatchingExtensions
{
    /// <summary>
    /// Runs requests together: batches form while the model is busy and start when it is free. Must be the innermost layer, directly around
    /// the model: a layer beneath it would see batches, not requests.
    /// </summary>
    /// <param name="builder">The pipeline.</param>
    /// <param name="configure">Changes the defaults.</param>
    /// <returns>The same builder.</returns>
    public static PredictorBuilder UseBatching(this PredictorBuilder builder, Action<BatchingOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.UseModel((inner, context) =>
        {
            var options = new BatchingOptions();
            configure?.Invoke(options);
            return Create(inner, options, context);
        });
    }

    /// <summary>Runs requests together with options that were made beforehand.</summary>
    internal static PredictorBuilder UseBatching(this PredictorBuilder builder, BatchingOptions options) =>
        builder.UseModel((inner, context) => Create(inner, options, context));

    internal static IPredictor Create(IPredictor inner, BatchingOptions options, PipelineContext context)
    {
        if (inner is DelegatingPredictor)
        {
            throw new InvalidOperationException(
                "UseBatching must be the last Use of a pipeline, directly around the model; "
                + $"{LimitedPredictor.Within(inner).GetType().Name} lies beneath it and would be left out. "
                + "Move it before UseBatching.");
        }

        if (inner.GetService<IModelExecutor>() is not { } executor)
        {
            throw new InvalidOperationException(
                $"{inner.GetType().Name} cannot be batched: there is no OnnxPredictor in it. Batch a model, or layers around one.");
        }

        var faults = options.Validate().ToList();
        if (faults.Count > 0)
            throw new ArgumentException(
                $"The batching options of model '{executor.Identity.Name}' are not valid: {string.Join(" ", faults)}", nameof(options));

        if (!executor.Signature.RowsAreIndependent && options.AcceptDependentRowsOf != executor.Identity.Name)
        {
            throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
                $"Rows of model '{executor.Identity.Name}' answer differently in company, so batching would change its answers. "
                + $"{executor.Signature.BatchingNote} "
                + $"Leave UseBatching out, or accept it: AcceptDependentRowsOf = \"{executor.Identity.Name}\".");
        }

        var logger = context.Logger;
        var objection = !executor.Signature.IsBatchable ? executor.Signature.BatchingNote
            : options.AcceptDependentRowsOf == executor.Identity.Name ? null
            : executor.Signature.BatchingObjection;

        // Accepting is no axis: where none was taken, nobody has said along which the rows lie.
        if (!executor.Signature.IsBatchable && options.AcceptDependentRowsOf == executor.Identity.Name)
            objection = $"{objection} To run them together all the same, state BatchAxis beside AcceptDependentRowsOf.";
        if (objection is not null && logger is not null) LogMessages.NotBatched(logger, executor.Identity.Name, objection);
        var gate = context.Find<RunGate>() ?? RunGate.Shared;
        var batches = new BatchContext(
            executor,
            options,
            new(executor.Identity.Name, context.Meter),
            inner.GetService<GateFlow>() is { } flow && ReferenceEquals(flow.Gate, gate) ? flow : new(gate),
            context.Time,
            mixes: objection is null,
            logger,
            context.ServiceLevel,
            context.Events);
        var batching = new BatchingPredictor(inner, executor, batches);
        if (options.Padding.Axis is null) return batching;
        try
        {
            return new PaddingPredictor(batching, executor, options.Padding);
        }
        catch
        {
            batching.Dispose();
            throw;
        }
    }
}
