namespace MlServe.Hosting;

/// <summary>The states of a model's life.</summary>
internal enum ModelState
{
    NotLoaded = 0,
    Loading,
    Ready,
    Failed,
    Draining,
    Closed,
}
