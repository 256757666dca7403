namespace MlServe;

/// <summary>The states of a version of a model.</summary>
public enum ModelVersionState
{
    /// <summary>Loaded and warm beside the live one; no request goes to it but those to <see cref="ModelVersion.Predictor"/>.</summary>
    Standby,

    /// <summary>The one that answers.</summary>
    Live,

    /// <summary>It takes no more requests, and answers those that it has accepted.</summary>
    Draining,

    /// <summary>It is closed, and its memory given back.</summary>
    Closed,
}
