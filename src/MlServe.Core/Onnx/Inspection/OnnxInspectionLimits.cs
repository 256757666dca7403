namespace MlServe.Onnx.Inspection;

/// <summary>
/// The most that an inspection accepts. A model beyond a limit is refused with <see cref="ModelLoadFailure.TooLarge"/>. So a hostile file
/// of a few megabytes cannot take the time and memory of the process. Not to be changed while it is in use.
/// </summary>
public sealed class OnnxInspectionLimits
{
    internal static readonly OnnxInspectionLimits Default = new();

    /// <summary>
    /// How deep subgraphs, and the types of inputs and outputs, may nest. Range: 0 to 100. Default: 32, no less than the runtime's own
    /// protobuf parser takes. That parser takes 100 nested messages, three to a subgraph and some for its contents: 31 deep loads, 32 does
    /// not.
    /// </summary>
    public int MaxDepth { get; set; } = 32;

    /// <summary>
    /// How many nodes a model may have, those of subgraphs, functions and training graphs included. Range: 1 to <see cref="int.MaxValue"/>.
    /// Default: 1,000,000, far above what exporters write (tens of thousands), and still read in well below a second.
    /// </summary>
    public int MaxNodes { get; set; } = 1_000_000;

    /// <summary>
    /// How many tensors a model may have: initializers, sparse ones, and tensors in attributes. Range: 1 to <see cref="int.MaxValue"/>.
    /// Default: 1,000,000, as an exporter writes at most a few tensors a node.
    /// </summary>
    public int MaxTensors { get; set; } = 1_000_000;

    /// <summary>
    /// How many entries the lists of the result may have together: operator sets, operators, functions, inputs, outputs, dimensions,
    /// element types, metadata and external data. Range: 1 to <see cref="int.MaxValue"/>. Default: 100,000, which keeps a result to some
    /// tens of megabytes; real models need hundreds, seldom thousands.
    /// </summary>
    public int MaxEntries { get; set; } = 100_000;

    /// <summary>
    /// How long a name may be, in UTF-8 bytes: of a node, a value, an operator, a symbol. Range: 1 to <see cref="int.MaxValue"/>. Default:
    /// 16,384; exporters join the names of nested modules to some hundreds.
    /// </summary>
    public int MaxNameLength { get; set; } = 16_384;

    /// <summary>
    /// How much text the result may hold in all, in UTF-8 bytes: names, and the metadata, in which some exporters put vocabularies.
    /// Range: 1 to <see cref="int.MaxValue"/>. Default: 33,554,432 (32 MiB), which takes at most twice as much memory.
    /// </summary>
    public int MaxTextBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>
    /// How many nodes there are once every call of a function is replaced by the function's body, subgraphs included. Range: 1 to
    /// <see cref="int.MaxValue"/>. Default: 1,000,000; functions that call others ten times each reach it with six.
    /// </summary>
    public int MaxExpandedNodes { get; set; } = 1_000_000;

    /// <summary>
    /// How often the body of a loop may run by the numbers that stand in the file, those of loops within loops multiplied. Range: 1 to
    /// <see cref="long.MaxValue"/>. Default: 1,000,000, far above the steps of a sequence. Loops whose end depends on the data are not
    /// counted: <c>OnnxModelOptions.LoadTimeout</c> bounds them while the model is loaded.
    /// </summary>
    public long MaxLoopTrips { get; set; } = 1_000_000;

    /// <summary>
    /// How many bytes a value may have that a node makes of sizes in the file, free axes counted as 1. The same bound holds for all
    /// constants together that are made so. Range: 1 to <see cref="long.MaxValue"/>. Default: 1,073,741,824 (1 GiB): a file of some hundred
    /// bytes can ask for any amount of memory.
    /// </summary>
    public long MaxDerivedBytes { get; set; } = 1L << 30;

    /// <summary>Names the faults of the values, one message each; none if there is no fault.</summary>
    /// <returns>Messages that name the limit, its value and its range.</returns>
    public IEnumerable<string> Validate() => Faults().Select(static fault => fault.Message);

    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range.</exception>
    internal void ThrowIfInvalid()
    {
        if (Faults().FirstOrDefault() is { } fault)
            throw new ArgumentOutOfRangeException(fault.Name, fault.Value, fault.Message);
    }

    /// <summary>All limits by name, to hand them to another process.</summary>
    internal SortedDictionary<string, long> ToDictionary() =>
        new(Limits().ToDictionary(static limit => limit.Name, static limit => limit.Value), StringComparer.Ordinal);

    /// <summary>Takes over limits by name; limits that are not named stay.</summary>
    internal void Take(IReadOnlyDictionary<string, long> limits)
    {
        MaxDepth = (int)limits.GetValueOrDefault(nameof(MaxDepth), MaxDepth);
        MaxNodes = (int)limits.GetValueOrDefault(nameof(MaxNodes), MaxNodes);
        MaxTensors = (int)limits.GetValueOrDefault(nameof(MaxTensors), MaxTensors);
        MaxEntries = (int)limits.GetValueOrDefault(nameof(MaxEntries), MaxEntries);
        MaxNameLength = (int)limits.GetValueOrDefault(nameof(MaxNameLength), MaxNameLength);
        MaxTextBytes = (int)limits.GetValueOrDefault(nameof(MaxTextBytes), MaxTextBytes);
        MaxExpandedNodes = (int)limits.GetValueOrDefault(nameof(MaxExpandedNodes), MaxExpandedNodes);
        MaxLoopTrips = limits.GetValueOrDefault(nameof(MaxLoopTrips), MaxLoopTrips);
        MaxDerivedBytes = limits.GetValueOrDefault(nameof(MaxDerivedBytes), MaxDerivedBytes);
    }

    private IEnumerable<Limit> Faults() => Limits().Where(static limit => limit.Value < limit.Low || limit.Value > limit.High);

    private Limit[] Limits() =>
        [
            new(nameof(MaxDepth), MaxDepth, 0, 100),
            new(nameof(MaxNodes), MaxNodes, 1, int.MaxValue),
            new(nameof(MaxTensors), MaxTensors, 1, int.MaxValue),
            new(nameof(MaxEntries), MaxEntries, 1, int.MaxValue),
            new(nameof(MaxNameLength), MaxNameLength, 1, int.MaxValue),
            new(nameof(MaxTextBytes), MaxTextBytes, 1, int.MaxValue),
            new(nameof(MaxExpandedNodes), MaxExpandedNodes, 1, int.MaxValue),
            new(nameof(MaxLoopTrips), MaxLoopTrips, 1, long.MaxValue),
            new(nameof(MaxDerivedBytes), MaxDerivedBytes, 1, long.MaxValue),
        ];

    private sealed record Limit(string Name, long Value, long Low, long High)
    {
        public string Message => FormattableString.Invariant($"{Name} is {Value}; it must be {Low} to {High}.");
    }
}
