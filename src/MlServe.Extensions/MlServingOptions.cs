using MlServe.Onnx;

namespace MlServe;

/// <summary>
/// The options of all models of one host; read from the configuration section <c>MlServing</c>, whose values win over those of code.
/// </summary>
public sealed class MlServingOptions
{
    /// <summary>The name of the configuration section.</summary>
    public const string SectionName = "MlServing";

    /// <summary>
    /// How many models run at once, over all models of the host, 1 to 1024; as many are loaded at once. Default: null, one for each core
    /// that the process may use (a container's limit counted), so that inference leaves the host's own threads a share.
    /// </summary>
    public int? MaxConcurrentRuns { get; set; }

    /// <summary>
    /// How long a host that shuts down waits for accepted requests to be answered, 00:00:00 to 1.00:00:00. Default: 00:00:30, the host's
    /// own shutdown timeout, which ends the wait too.
    /// </summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>ONNX Runtime in the whole process. If nothing is set here, the settings of another host of the process stay.</summary>
    public OnnxRuntimeOptions Runtime { get; } = new();

    /// <summary>Names the faults of the values: one message each, which begins with the option.</summary>
    internal IEnumerable<string> Validate()
    {
        if (MaxConcurrentRuns is < 1 or > 1024) yield return $"{nameof(MaxConcurrentRuns)} is {MaxConcurrentRuns}; it must be 1 to 1024.";
        if (DrainTimeout < TimeSpan.Zero || DrainTimeout > TimeSpan.FromDays(1))
            yield return $"{nameof(DrainTimeout)} is {DrainTimeout}; it must be 00:00:00 to 1.00:00:00.";
        if (Runtime.Validate() is { } problem) yield return $"{nameof(Runtime)}:{problem}";
    }
}
