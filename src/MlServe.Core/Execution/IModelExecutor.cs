namespace MlServe;

/// <summary>
/// Runs rows on a model: the seam between the code that decides which rows run together and the code that runs them. Found with
/// <c>predictor.GetService&lt;IModelExecutor&gt;()</c>. Safe for concurrent use; a <see cref="ILane"/> is not.
/// </summary>
internal interface IModelExecutor
{
    /// <summary>The model's inputs and outputs.</summary>
    ModelSignature Signature { get; }

    /// <summary>Which model it is.</summary>
    ModelIdentity Identity { get; }

    /// <summary>
    /// A request that the model takes and answers as it should, for trial runs: when it is loaded, and when other answers cannot be right.
    /// Null if none is known.
    /// </summary>
    PredictionInputs? SampleRequest { get; }

    /// <summary>How long a run of <see cref="SampleRequest"/> took at load; zero if it was not run.</summary>
    TimeSpan SampleRunTime => default;

    /// <summary>Checks a request against the signature and finds out which lanes it fits. Runs nothing and keeps nothing.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="options">The options of the call.</param>
    /// <param name="request">The facts that were found out, if the result is null.</param>
    /// <returns>Null, or why the request cannot be served.</returns>
    PredictionError? Prepare(in PredictionInputs inputs, PredictionOptions? options, out PreparedRequest request);

    /// <summary>Takes a lane, making one if none is idle. Its owner returns it by disposing it.</summary>
    /// <param name="shape">The shape that the lane is for.</param>
    /// <param name="rows">The rows that it must have room for, 1 or more; 1 for a model that is not batchable.</param>
    /// <exception cref="ObjectDisposedException">The model has been closed.</exception>
    ILane Rent(LaneShape shape, int rows);

    /// <summary>
    /// As <see cref="Rent"/>, for owners that keep lanes. Null if the lane would pass the limit and no idle one is left to be closed for
    /// it.
    /// </summary>
    /// <param name="shape">The shape that the lane is for.</param>
    /// <param name="rows">The rows that it must have room for, 1 or more; 1 for a model that is not batchable.</param>
    /// <exception cref="ObjectDisposedException">The model has been closed.</exception>
    ILane? TryRent(LaneShape shape, int rows);

    /// <summary>
    /// Sets the bytes that all lanes may take together. A lane that <see cref="Rent"/> makes beyond it is closed as soon as it is returned.
    /// </summary>
    /// <param name="bytes">The limit, 0 or more.</param>
    void LimitLanes(long bytes);

    /// <summary>
    /// Closes idle lanes, those first whose shape was not used for longest, until so many bytes are free under the limit.
    /// </summary>
    /// <param name="bytes">The bytes that are wanted.</param>
    /// <returns>The bytes that are free. Fewer than wanted if no lane is idle any more, negative if the limit is passed.</returns>
    long MakeRoom(long bytes);

    /// <summary>
    /// Gives back the working memory that trial runs of many rows have left, by two runs of the sample. To be called after trials, when
    /// nothing else runs on the model yet. Does nothing if no sample is known or the memory is not the model's own.
    /// </summary>
    /// <param name="gate">Has a place for each run.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    void ReleaseWorkingMemory(RunGate gate, TimeProvider time, CancellationToken cancellationToken)
    {
    }
}
