using System.Diagnostics;
using System.Globalization;

namespace MlServe;

/// <summary>
/// Why a prediction is not Ok: a status, a code and the values that belong to it. The text is made when it is read, so that refusing a
/// request costs no formatting. Immutable and safe for concurrent use.
/// </summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class PredictionError
{
    private readonly string _format;
    private readonly object?[] _arguments;
    private string? _message;

    /// <summary>Makes an error.</summary>
    /// <param name="status">How the prediction ended; not <see cref="PredictionStatus.Ok"/>.</param>
    /// <param name="code">The exact failure.</param>
    /// <param name="format">
    /// The message, a composite format string (as for <see cref="string.Format(string, object?[])"/>, invariant culture).
    /// </param>
    /// <param name="arguments">The values that the format names.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="status"/> is <see cref="PredictionStatus.Ok"/>.</exception>
    public PredictionError(PredictionStatus status, PredictionErrorCode code, string format, params object?[] arguments)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(arguments);
        if (status == PredictionStatus.Ok)
            throw new ArgumentOutOfRangeException(nameof(status), "An error cannot have the status Ok.");

        Status = status;
        Code = code;
        _format = format;
        _arguments = arguments;
    }

    /// <summary>
    /// The model, and the version of it, that did not answer; null if that is not known. It may not be loaded, or a layer of the
    /// application's did not say.
    /// </summary>
    public ModelIdentity? Model { get; init; }

    /// <summary>How the prediction ended.</summary>
    public PredictionStatus Status { get; }

    /// <summary>The exact fault.</summary>
    public PredictionErrorCode Code { get; }

    /// <summary>Another's error, to be told with something more.</summary>
    private PredictionError(PredictionError other)
    {
        Status = other.Status;
        Code = other.Code;
        _format = other._format;
        _arguments = other._arguments;
        Model = other.Model;
        RetryAfter = other.RetryAfter;
        Exception = other.Exception;
        FallbackErrors = other.FallbackErrors;
        IsIsolated = other.IsIsolated;
    }

    /// <summary>When the caller may try again, if that is known.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The exception behind the error, if there is one.</summary>
    public Exception? Exception { get; init; }

    /// <summary>
    /// Why those that stood in for the model did not answer either, in the order in which they were asked; empty if none was. The error
    /// itself is the model's.
    /// </summary>
    public IReadOnlyList<PredictionError> FallbackErrors { get; init; } = [];

    /// <summary>
    /// Whether the batcher found that the request made its batch fail and others in it were answered: the request is to blame, not the
    /// model.
    /// </summary>
    internal bool IsIsolated { get; init; }

    /// <summary>The fault, with the values that belong to it, and the remedy.</summary>
    public string Message => _message ??= _arguments.Length == 0 ? _format : Format();

    /// <summary>
    /// Code that reads or logs the message does not fail for a format that does not fit its arguments, or for an argument that throws.
    /// </summary>
    private string Format()
    {
        try
        {
            return string.Format(CultureInfo.InvariantCulture, _format, _arguments);
        }
#pragma warning disable CA1031
        catch (Exception)
#pragma warning restore CA1031
        {
            return _format;
        }
    }

    /// <summary>The same error, with those of the fallback chain.</summary>
    internal PredictionError WithFallbacks(IReadOnlyList<PredictionError> errors) => new(this) { FallbackErrors = errors };

    /// <summary>The same error as one of a model; itself if it says already of which.</summary>
    internal PredictionError Of(ModelIdentity model) => Model is null ? new(this) { Model = model } : this;

    /// <summary>The same error as one that the request is to blame for.</summary>
    internal PredictionError AsIsolated() => new(this) { IsIsolated = true };

    /// <inheritdoc />
    public override string ToString() => $"{Status}: {Message}";

    internal static PredictionError Uninitialized { get; } = new(
        PredictionStatus.Failed, PredictionErrorCode.None,
        "default(Prediction) is not an answer: a predictor returned it without filling it in.");
}
