namespace MlServe.Hosting;

/// <summary>Where a model stands in its life.</summary>
internal enum ModelState
{
    NotLoaded = 0,
    Loading,
    Ready,
    Failed,
    Draining,
    Closed,
}
