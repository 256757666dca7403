namespace MlServe;

/// <summary>
/// One of the answers of <see cref="IPredictor{TInput, TOutput}.PredictManyAsync"/>: a value, or the reason why there is none.
/// <c>default</c> has the status <see cref="PredictionStatus.Failed"/>. Nothing needs to be disposed.
/// </summary>
/// <typeparam name="TOutput">The application's answer.</typeparam>
public readonly struct PredictionResult<TOutput>
{
    private readonly TOutput? _value;
    private readonly PredictionError? _error;

    /// <summary>Makes the result of a question that is answered.</summary>
    /// <param name="value">The answer.</param>
    public PredictionResult(TOutput value)
    {
        _value = value;
        IsOk = true;
    }

    /// <summary>Makes the result of a question that is not answered.</summary>
    /// <param name="error">Why there is no answer.</param>
    public PredictionResult(PredictionError error)
    {
        ArgumentNullException.ThrowIfNull(error);
        _error = error;
    }

    /// <summary>Whether there is an answer.</summary>
    public bool IsOk { get; }

    /// <summary>How the question ended.</summary>
    public PredictionStatus Status => IsOk ? PredictionStatus.Ok : Error.Status;

    /// <summary>The answer.</summary>
    /// <exception cref="PredictionException">There is none: look at <see cref="IsOk"/> first.</exception>
    public TOutput Value => IsOk ? _value! : throw new PredictionException(Error);

    /// <summary>
    /// Why there is no answer. If the mapper threw, the code is <see cref="PredictionErrorCode.UserCodeFailed"/> and
    /// <see cref="PredictionError.Exception"/> is the exception that it threw.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is one: <see cref="IsOk"/>.</exception>
    public PredictionError Error => IsOk
        ? throw new InvalidOperationException("The result is Ok and has no error. Look at IsOk first.")
        : _error ?? PredictionError.Uninitialized;

    /// <inheritdoc />
    public override string ToString() => IsOk ? $"{_value}" : Error.ToString();
}
