namespace MlServe.Onnx.Probing;

/// <summary>Runs made-up rows of a model whose rows lie along given axes, and keeps nothing of them.</summary>
internal interface ITrial : IDisposable
{
    /// <summary>Checks a request against the axes that are tried.</summary>
    /// <returns>Null, or why it cannot be served.</returns>
    PredictionError? Prepare(in PredictionInputs inputs, out PreparedRequest request);

    /// <summary>Runs rows together.</summary>
    /// <param name="rows">One or more, of one shape.</param>
    /// <param name="outputs">The outputs, whole, if the result is null.</param>
    /// <returns>Null, or why there is no answer, in the runtime's words.</returns>
    /// <exception cref="OperationCanceledException">The load was given up.</exception>
    string? Run(ReadOnlySpan<TrialRow> rows, out OutputValue[] outputs);
}
