namespace MlServe;

/// <summary>
/// A predictor whose pending value tasks are <see cref="PooledSource"/>s: a second await harms nobody but itself, and a caller's dead
/// context nobody at all. Around one that does not say so, <see cref="Pipeline"/> sees to it.
/// </summary>
internal interface IShieldsCallers
{
    bool IsShielding { get; }
}
