namespace MlServe.Cli;

/// <summary>What the tool tells the shell.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>The model was refused, or did not pass its gate.</summary>
    public const int Refused = 1;

    /// <summary>Wrong use, or a file that cannot be read or written.</summary>
    public const int BadInput = 2;

    public const int Cancelled = 130;
}
