using System.Numerics;

namespace MlServe.Onnx.Inspection;

/// <summary>
/// What an inspection accepts at most. A model beyond a limit is refused with <see cref="ModelLoadFailure.TooLarge"/>, so that a hostile
/// file of a few megabytes cannot take the time and memory of the process. Immutable, and so safe to share between threads.
/// </summary>
public sealed class OnnxInspectionLimits
{
    internal static readonly OnnxInspectionLimits Default = new();

    /// <summary>
    /// How deep subgraphs, and the types of inputs and outputs, may nest. Range: 0 to 100. Default: 32, no less than what the runtime's own
    /// protobuf parser takes (100 nested messages, three to a subgraph and some for what is in it: 31 deep loads, 32 does not).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public int MaxDepth
    {
        get;
        init => field = InRange(value, 0, 100, nameof(MaxDepth));
    } = 32;

    /// <summary>
    /// How many nodes a model may have, those of subgraphs, functions and training graphs included. Range: 1 to <see cref="int.MaxValue"/>.
    /// Default: 1,000,000, far above what exporters write (tens of thousands), and still read in well below a second.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public int MaxNodes
    {
        get;
        init => field = InRange(value, 1, int.MaxValue, nameof(MaxNodes));
    } = 1_000_000;

    /// <summary>
    /// How many tensors a model may have: initializers, sparse ones, and tensors in attributes. Range: 1 to <see cref="int.MaxValue"/>.
    /// Default: 1,000,000, as an exporter writes at most a few tensors a node.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public int MaxTensors
    {
        get;
        init => field = InRange(value, 1, int.MaxValue, nameof(MaxTensors));
    } = 1_000_000;

    /// <summary>
    /// How many entries the lists of the result may have together: operator sets, operators, functions, inputs, outputs, dimensions,
    /// element types, metadata and external data. Range: 1 to <see cref="int.MaxValue"/>. Default: 100,000, which keeps a result to some
    /// tens of megabytes; real models need hundreds, seldom thousands.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public int MaxEntries
    {
        get;
        init => field = InRange(value, 1, int.MaxValue, nameof(MaxEntries));
    } = 100_000;

    /// <summary>
    /// How long a name may be, in UTF-8 bytes: of a node, a value, an operator, a symbol. Range: 1 to <see cref="int.MaxValue"/>. Default:
    /// 16,384; exporters join the names of nested modules to some hundreds.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public int MaxNameLength
    {
        get;
        init => field = InRange(value, 1, int.MaxValue, nameof(MaxNameLength));
    } = 16_384;

    /// <summary>
    /// How much text the result may hold in all, in UTF-8 bytes: names, and the metadata, in which some exporters put vocabularies.
    /// Range: 1 to <see cref="int.MaxValue"/>. Default: 33,554,432 (32 MiB), which takes at most twice as much memory.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public int MaxTextBytes
    {
        get;
        init => field = InRange(value, 1, int.MaxValue, nameof(MaxTextBytes));
    } = 32 * 1024 * 1024;

    /// <summary>
    /// How many nodes there are once every call of a function is replaced by the function's body, subgraphs included. Range: 1 to <see cref="int.MaxValue"/>. Default:
    /// 1,000,000; functions that call others ten times each reach it with six.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public int MaxExpandedNodes
    {
        get;
        init => field = InRange(value, 1, int.MaxValue, nameof(MaxExpandedNodes));
    } = 1_000_000;

    /// <summary>
    /// How often the body of a loop may run by what stands in the file, those of loops within loops multiplied. Range: 1 to <see cref="long.MaxValue"/>. Default: 1,000,000,
    /// far above the steps of a sequence. Loops whose end depends on the data are not counted: <c>OnnxModelOptions.LoadTimeout</c> bounds them while the model is loaded.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public long MaxLoopTrips
    {
        get;
        init => field = InRange(value, 1, long.MaxValue, nameof(MaxLoopTrips));
    } = 1_000_000;

    /// <summary>
    /// How many bytes a value may have that a node makes of sizes which stand in the file, free axes counted as 1; and how many all constants together that are made so. Range: 1
    /// to <see cref="long.MaxValue"/>. Default: 1,073,741,824 (1 GiB): a file of some hundred bytes can ask for any amount of memory.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public long MaxDerivedBytes
    {
        get;
        init => field = InRange(value, 1, long.MaxValue, nameof(MaxDerivedBytes));
    } = 1L << 30;

    private static T InRange<T>(T value, T low, T high, string name)
        where T : IComparisonOperators<T, T, bool> =>
        value >= low && value <= high
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it takes {low} to {high}.");
}
