namespace MlServe;

/// <summary>The rank of a request among those that wait.</summary>
public enum RequestPriority
{
    /// <summary>Somebody waits for the answer.</summary>
    Normal = 0,

    /// <summary>Work in bulk: it fills what normal requests leave, and is served all the same once it has waited long enough.</summary>
    Bulk,
}
