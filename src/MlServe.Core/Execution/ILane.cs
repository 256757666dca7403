namespace MlServe;

/// <summary>
/// One owner's buffers and bindings for a model: write rows, run them, read their answers. Has one owner at a time and is not safe for
/// concurrent use, but rows may be written to different places at once. Disposing returns it.
/// </summary>
internal interface ILane : IDisposable
{
    /// <summary>The rows that it has room for.</summary>
    int Capacity { get; }

    /// <summary>The bytes of memory that it holds.</summary>
    long Bytes { get; }

    /// <summary>Copies rows of a request into the lane, and what it gives for all rows.</summary>
    /// <param name="inputs">The inputs, as they were prepared.</param>
    /// <param name="request">The facts that <see cref="IModelExecutor.Prepare"/> found out about them.</param>
    /// <param name="sourceRow">The request's first row to copy.</param>
    /// <param name="rows">How many rows to copy.</param>
    /// <param name="row">The lane's first row to write.</param>
    void Write(in PredictionInputs inputs, in PreparedRequest request, int sourceRow, int rows, int row);

    /// <summary>
    /// Copies the inputs that hold for all rows, for all requests that are written from here on. Until the lane is returned,
    /// <see cref="Write"/> copies rows only. For an owner of many requests, who has compared these values; without it, each request brings
    /// its own.
    /// </summary>
    /// <param name="inputs">The inputs that hold for all rows, by name.</param>
    void WriteShared(in PredictionInputs inputs);

    /// <summary>Runs the model over the rows from 0. For another run they are written anew.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="outputs">The outputs to compute.</param>
    /// <param name="cancellationToken">Stops the run at the next operator.</param>
    /// <returns>Null, or why the run failed.</returns>
    /// <exception cref="OperationCanceledException">The run was stopped by <paramref name="cancellationToken"/>.</exception>
    PredictionError? Run(int rows, OutputSelection outputs, CancellationToken cancellationToken = default);

    /// <summary>Copies the answer to a request out of the lane, after a run that succeeded.</summary>
    /// <param name="request">The request; its outputs must be among those that were computed.</param>
    /// <param name="row">The request's first row.</param>
    /// <param name="origin">The origin that the answer is to name.</param>
    Prediction Read(in PreparedRequest request, int row, in PredictionOrigin origin);

    /// <summary>Lets go of what requests have written and of what the last run has left, and keeps the memory for the next.</summary>
    void Clear();

    /// <summary>
    /// Copies a row of the last run into the first place of another lane of the same model and shape. There it can be run again alone.
    /// </summary>
    /// <param name="row">The row, from 0.</param>
    /// <param name="target">The other lane.</param>
    /// <returns>Whether it was copied; false for a lane that cannot, whose rows are then never checked.</returns>
    bool TryCopyRow(int row, ILane target) => false;
}
