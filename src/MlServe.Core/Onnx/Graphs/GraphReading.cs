using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>The rest of the limits while a graph is read. One thread, one model.</summary>
internal sealed class GraphReading(OnnxInspectionLimits limits)
{
    private int _kept;

    /// <summary>Counts, and keeps each name once.</summary>
    public InspectionState State { get; } = new(limits);

    public OnnxInspectionLimits Limits => State.Limits;

    public string Name(ref WireReader reader, string field) => State.Keep(reader.Name(field, Limits), reader);

    public string Domain(ref WireReader reader) => State.KeepDomain(reader.Name("domain", Limits), reader);

    /// <summary>Whether so many elements of a tensor or a list may still be kept.</summary>
    public bool TryKeep(long count)
    {
        if (count > OnnxGraph.MaxKeptValues || count > OnnxGraph.MaxKeptInAll - _kept) return false;
        _kept += (int)count;
        return true;
    }
}
