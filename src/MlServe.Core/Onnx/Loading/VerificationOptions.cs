namespace MlServe.Onnx;

/// <summary>How models are verified in a process of their own.</summary>
public sealed class VerificationOptions
{
    /// <summary>
    /// The path of the tool <c>mlserve</c> (package <c>MlServe.Cli</c>): a program, or an assembly <c>mlserve.dll</c> that <c>dotnet</c>
    /// runs. Default: null, found on the PATH and among the user's .NET tools.
    /// </summary>
    public string? ToolPath { get; set; }

    /// <summary>How long it may take for one model, 00:00:01 to 1.00:00:00; then the process is killed. Default: 00:02:00.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// The memory in bytes that the process may take, 134,217,728 to 1,099,511,627,776, its own needs of about 64 MiB included. Default:
    /// 4,294,967,296 (4 GiB). On Linux the operating system holds it to that; elsewhere it is watched and killed.
    /// </summary>
    public long MaxMemoryBytes { get; set; } = 4L * 1024 * 1024 * 1024;

    /// <summary>
    /// A folder in which verdicts are kept from one start to the next, by the model's digest, the tool's and the runtime's version.
    /// Default: null, they are kept in the process only.
    /// </summary>
    public string? VerdictFolder { get; set; }

    /// <summary>
    /// The file of the key by which verdicts are known again. Default: null, as <see cref="OnnxModelOptions.SealKeyFile"/>.
    /// </summary>
    public string? SealKeyFile { get; set; }

    /// <summary>Names the faults of the values, one message each; none if there is no fault.</summary>
    /// <returns>Messages that name the option, its value and its range.</returns>
    public IEnumerable<string> Validate()
    {
        if (Timeout < TimeSpan.FromSeconds(1) || Timeout > TimeSpan.FromDays(1))
            yield return $"{nameof(Timeout)} is {Timeout}; it must be 00:00:01 to 1.00:00:00.";
        if (MaxMemoryBytes is < 128L * 1024 * 1024 or > 1L << 40)
            yield return FormattableString.Invariant(
                $"{nameof(MaxMemoryBytes)} is {MaxMemoryBytes}; it must be 134217728 to 1099511627776.");
    }

    internal void CopyFrom(VerificationOptions other)
    {
        ToolPath = other.ToolPath;
        Timeout = other.Timeout;
        MaxMemoryBytes = other.MaxMemoryBytes;
        VerdictFolder = other.VerdictFolder;
        SealKeyFile = other.SealKeyFile;
    }
}
