namespace MlServe.Cli;

/// <summary>The exit codes of the tool for the shell.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>
    /// The model was refused, did not pass its gate, or nothing in the written model is quantized although that was asked.
    /// </summary>
    public const int Refused = 1;

    /// <summary>Wrong use, or a file that cannot be read or written.</summary>
    public const int BadInput = 2;

    public const int Cancelled = 130;
}
