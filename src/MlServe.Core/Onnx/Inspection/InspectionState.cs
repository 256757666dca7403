using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace MlServe.Onnx.Inspection;

/// <summary>The findings of one inspection so far, and the rest of its limits. One thread, one model.</summary>
internal sealed class InspectionState(OnnxInspectionLimits limits)
{
    public const string OnnxDomain = "ai.onnx";

    /// <summary>How much of a description is kept; exporters put whole stack traces there.</summary>
    public const int MaxDescriptionBytes = 4096;

    private readonly HashSet<string> _names = [];
    private readonly Dictionary<(string Domain, string OpType), long[]> _operators = [];
    private int _nodes;
    private int _tensors;
    private int _entries;
    private int _textBytes;

    public OnnxInspectionLimits Limits { get; } = limits;

    public long IrVersion { get; set; }

    public string? ProducerName { get; set; }

    public string? ProducerVersion { get; set; }

    public string? Domain { get; set; }

    public long ModelVersion { get; set; }

    public string? GraphName { get; set; }

    public string? Description { get; set; }

    public string? GraphDescription { get; set; }

    public Dictionary<string, string> Metadata { get; } = [];

    public List<OnnxOpset> Opsets { get; } = [];

    public List<OnnxFunctionInfo> Functions { get; } = [];

    public TensorTotals Initializers { get; } = new();

    public TensorTotals SparseInitializers { get; } = new();

    public TensorTotals Constants { get; } = new();

    public long AttributeBytes { get; set; }

    public List<OnnxExternalData> ExternalData { get; } = [];

    public bool HasTrainingInfo { get; set; }

    public List<OnnxValueInfo> Inputs { get; } = [];

    public List<OnnxValueInfo> Outputs { get; } = [];

    public int NodeCount => _nodes;

    /// <summary>The dimensions of the tensor that is being read.</summary>
    public List<long> Dims { get; } = [];

    public void CheckDepth(in WireReader reader, int depth)
    {
        if (depth > Limits.MaxDepth)
            throw Refusal.TooLarge(reader.FieldOffset, reader.Message, $"depth {depth}", nameof(Limits.MaxDepth), Limits.MaxDepth);

        // A caller's thread may have a small stack, or little of it left.
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw Refusal.TooDeep(reader.FieldOffset, reader.Message, depth);
    }

    public void CountNode(in WireReader reader) => Count(ref _nodes, Limits.MaxNodes, nameof(Limits.MaxNodes), "nodes", reader);

    public void CountTensor(in WireReader reader) => Count(ref _tensors, Limits.MaxTensors, nameof(Limits.MaxTensors), "tensors", reader);

    public void CountEntry(in WireReader reader) =>
        Count(ref _entries, Limits.MaxEntries, nameof(Limits.MaxEntries), "entries in the lists of the result", reader);

    public void AddOperator(ReadOnlySpan<byte> domain, ReadOnlySpan<byte> opType, GraphPlace place, in WireReader reader)
    {
        ref var uses = ref CollectionsMarshal.GetValueRefOrAddDefault(
            _operators, (KeepDomain(domain, reader), Keep(opType, reader)), out var known);
        if (!known)
        {
            CountEntry(reader);
            uses = new long[4];
        }

        uses![(int)place]++;
    }

    public string KeepDomain(ReadOnlySpan<byte> domain, in WireReader reader) => domain.IsEmpty ? OnnxDomain : Keep(domain, reader);

    /// <summary>The string of a name that is already valid UTF-8; the same string for the same name.</summary>
    public string Keep(ReadOnlySpan<byte> utf8, in WireReader reader)
    {
        // Only metadata is longer than a name, and not worth looking for.
        var isName = utf8.Length <= Limits.MaxNameLength;
        if (isName && TryFind(utf8, out var kept))
            return kept;
        if (utf8.Length > Limits.MaxTextBytes - _textBytes)
            throw Refusal.TooLarge(
                reader.FieldOffset, reader.Message, "more text", nameof(Limits.MaxTextBytes), Limits.MaxTextBytes);
        _textBytes += utf8.Length;
        var text = Encoding.UTF8.GetString(utf8);
        if (isName)
            _names.Add(text);
        return text;
    }

    /// <summary>
    /// The beginning of a text for people, empty ones left out. It is no reason to refuse a model. Bytes in it that are no UTF-8 are
    /// replaced, and it stays away if there is too much text.
    /// </summary>
    public string? KeepDescription(ReadOnlySpan<byte> utf8)
    {
        var kept = utf8[..Math.Min(utf8.Length, MaxDescriptionBytes)];
        // Not in the middle of a character.
        while (kept.Length < utf8.Length && !kept.IsEmpty && (utf8[kept.Length] & 0xC0) == 0x80)
            kept = kept[..^1];
        if (kept.IsEmpty || kept.Length > Limits.MaxTextBytes - _textBytes) return null;
        _textBytes += kept.Length;
        return Encoding.UTF8.GetString(kept);
    }

    public bool TryFind(ReadOnlySpan<byte> utf8, out string kept)
    {
        var chars = utf8.Length <= 256 ? stackalloc char[256] : new char[utf8.Length];
        var length = Encoding.UTF8.GetChars(utf8, chars);
        return _names.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(chars[..length], out kept!);
    }

    public IReadOnlyList<OnnxOperatorUse> Operators() =>
        [.. _operators
            .Select(static pair => new OnnxOperatorUse(
                pair.Key.Domain,
                pair.Key.OpType,
                pair.Value[(int)GraphPlace.Main],
                pair.Value[(int)GraphPlace.Subgraph],
                pair.Value[(int)GraphPlace.Function],
                pair.Value[(int)GraphPlace.Training]))
            .OrderByDescending(static use => use.Count)
            .ThenBy(static use => use.Domain, StringComparer.Ordinal)
            .ThenBy(static use => use.OpType, StringComparer.Ordinal)];

    private static void Count(ref int counter, int limit, string name, string what, in WireReader reader)
    {
        if (counter == limit)
            throw Refusal.TooLarge(reader.FieldOffset, reader.Message, $"more than {limit} {what}", name, limit);
        counter++;
    }
}
