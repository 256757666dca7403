namespace MlServe;

/// <summary>
/// Found by <see cref="IPredictor.GetService"/>: a part of a layer that connects to something outside, and had better do so before the
/// first request.
/// </summary>
internal interface IOpensAhead
{
    /// <summary>Opens it; ends when it is open, or has been waited for long enough.</summary>
    Task OpenAsync(CancellationToken cancellationToken);
}
