namespace MlServe;

/// <summary>
/// Whether a model's answers may be kept and shared, as far as service has shown. Found with <c>GetService</c>. It is only ever lost, until
/// the model is loaded again: earlier answers may be wrong as well. Safe for concurrent use.
/// </summary>
internal sealed class AnswerTrust
{
    private volatile bool _isLost;

    public bool IsLost => _isLost;

    public void Lose() => _isLost = true;
}
