using MlServe.Onnx.Probing;

namespace MlServe.Onnx;

/// <summary>
/// Tells whether a run failed because of the request or because of the model. The runtime says of both that an argument is invalid. A
/// checked request fits the signature. So it is to blame only if the model answers others, or if something that the signature leaves open
/// can have caused the failure. Safe for concurrent use.
/// </summary>
internal sealed class RunBlame
{
    private volatile bool _hasAnswered;
    private volatile Tried? _tried;

    /// <summary>Whether any run has succeeded.</summary>
    public bool HasAnswered => _hasAnswered;

    /// <summary>A run has succeeded.</summary>
    public void Answered()
    {
        // Looked at first: what all cores write is slow.
        if (!_hasAnswered) _hasAnswered = true;
    }

    /// <summary>Says what the model refused at load, if it answered nothing.</summary>
    public void Learn(ModelSignature signature, GraphFacts facts, IReadOnlyList<PredictionError> refusals)
    {
        if (refusals.Count > 0) _tried = new(HasFreeShape(signature), facts, [.. refusals.Select(TextOf)]);
    }

    public PredictionError ToError(Exception exception, ModelIdentity model)
    {
        if (!OrtErrors.IsInvalidArgument(exception))
        {
            return new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "Model '{0}' failed: {1}", model.Name, exception.Message)
            {
                Model = model,
                Exception = exception,
            };
        }

        if (IsOfRequest(exception))
        {
            return new(
                PredictionStatus.Invalid, PredictionErrorCode.RejectedByRuntime, "Model '{0}' refused the inputs: {1}", model.Name,
                exception.Message)
            {
                Model = model,
                Exception = exception,
            };
        }

        return new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed,
            "Model '{0}' failed: {1} It fails alike for every row that was tried, so the request is not to blame. Lower "
                + "OnnxModelOptions.Optimization, or export the model anew.",
            model.Name, exception.Message)
        {
            Model = model,
            Exception = exception,
        };
    }

    private bool IsOfRequest(Exception exception)
    {
        if (_hasAnswered || _tried is not { } tried) return true;
        var text = exception.Message;
        var (opType, name) = OrtErrors.NodeOf(text);
        if (OrtErrors.IsAboutNumbers(text) && tried.Facts.CanNumbersFail(opType, name)) return true;

        // Where there is only one shape, it is not the shape. Rows of several sizes that fail with the same sizes in the message: it is not
        // theirs.
        if (!tried.HasFreeShape) return !Array.TrueForAll(tried.Texts, other => AreAlike(other, text));
        return !NamesSizes(text) || !Array.TrueForAll(tried.Texts, other => other == text);
    }

    /// <summary>
    /// Whether a message says with which sizes a node failed. The lines of the runtime's own sources stand behind a colon.
    /// </summary>
    private static bool NamesSizes(string text)
    {
        const string before = "Status Message: ";
        var start = text.IndexOf(before, StringComparison.Ordinal);
        for (var i = start < 0 ? 1 : start + before.Length; i < text.Length; i++)
        {
            if (char.IsAsciiDigit(text[i]) && text[i - 1] is (' ' or '{' or '[' or '(' or ',' or '=')) return true;
        }

        return false;
    }

    private static string TextOf(PredictionError error) => error.Exception?.Message ?? error.Message;

    /// <summary>Whether two texts differ in nothing but digits.</summary>
    private static bool AreAlike(string left, string right) =>
        left.Where(static letter => !char.IsAsciiDigit(letter)).SequenceEqual(right.Where(static letter => !char.IsAsciiDigit(letter)));

    private static bool HasFreeShape(ModelSignature signature) =>
        signature.Inputs.Any(static input => input.Kind != ValueKind.Tensor || !input.IsShapeKnown || input.IsOptional
            || input.Shape.Where((size, axis) => size.IsFree && axis != input.BatchAxis).Any());

    private sealed record Tried(bool HasFreeShape, GraphFacts Facts, string[] Texts);
}
