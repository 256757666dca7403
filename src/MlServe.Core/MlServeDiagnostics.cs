namespace MlServe;

/// <summary>Public names of what MlServe reports.</summary>
public static class MlServeDiagnostics
{
    /// <summary>The category of all logs.</summary>
    public const string LogCategory = "MlServe";
}
