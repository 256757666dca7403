using MlServe.Onnx.Graphs;
using MlServe.Onnx.Rows;

namespace MlServe.Onnx.Probing;

/// <summary>
/// Everything that a model's graph tells of how to try and trust it. It is begun while the session is being opened, which takes about as
/// long. A thread that needs it first and finds it not begun does it itself.
/// </summary>
internal sealed class GraphStudy
{
    private readonly Lazy<OnnxGraph?> _graph;
    private readonly Lazy<Findings> _findings;
    private readonly CancellationToken _cancellationToken;

    /// <param name="bytes">The model.</param>
    /// <param name="cancellationToken">Gives the load up.</param>
    public GraphStudy(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        _cancellationToken = cancellationToken;
        _graph = new(() => Read(bytes));
        _findings = new(() => Study(_graph.Value, cancellationToken));
    }

    /// <summary>Whether the model's graph could be read.</summary>
    public bool IsRead => _findings.Value.Graph is not null;

    public GraphFacts Facts => _findings.Value.Facts;

    /// <summary>Reads the graph at once: the bytes are not looked at any more.</summary>
    public void Read() => _ = _graph.Value;

    /// <summary>Begins on another thread if one is free.</summary>
    public void Begin() => ThreadPool.UnsafeQueueUserWorkItem(static study => study.TryStudy(), this, preferLocal: false);

    /// <summary>Follows rows along the given axes; null if the graph could not be read.</summary>
    /// <exception cref="OperationCanceledException">The load was given up.</exception>
    public RowProof? Follow(IReadOnlyList<int?> axes)
    {
        var findings = _findings.Value;
        if (findings.Graph is null) return null;
        if (findings.Axes is { } likely && likely.SequenceEqual(axes)) return findings.Proof;
        return RowFlow.Follow(findings.Graph, axes, _cancellationToken);
    }

    private void TryStudy()
    {
        try
        {
            _ = _findings.Value;
        }
#pragma warning disable CA1031 // Whoever asks for it hears of it.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }

    private static OnnxGraph? Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return OnnxGraph.Read(bytes.Span);
        }
        catch (ModelLoadException)
        {
            // What is beyond the limits tells nothing; the runtime may open it all the same.
            return null;
        }
    }

    private static Findings Study(OnnxGraph? graph, CancellationToken cancellationToken)
    {
        if (graph is null) return new(null, GraphFacts.None, null, null);
        var facts = GraphFacts.Find(graph);
        var axes = LikelyAxes(graph);
        return new(graph, facts, axes, axes is null ? null : RowFlow.Follow(graph, axes, cancellationToken));
    }

    /// <summary>The axes that will be tried first, as far as the file tells.</summary>
    private static IReadOnlyList<int?>? LikelyAxes(OnnxGraph graph)
    {
        var inputs = graph.SessionInputs.Select(static input => new ValueSignature
        {
            Name = input.Name,
            Kind = input.Type.Dimensions is null ? ValueKind.Optional : ValueKind.Tensor,
            Shape = [.. (input.Type.Dimensions ?? [])
                .Select(static size => size.Size is { } known ? Dimension.Fixed(known) : Dimension.Free(size.Symbol))],
            IsOptional = input.HasDefault,
        }).ToArray();
        if (inputs.Length == 0 || inputs.DistinctBy(static input => input.Name).Count() != inputs.Length) return null;
        return BatchAxisTrials.For(new(inputs, [new() { Name = "y", Kind = ValueKind.Tensor }])) is [var first, ..] ? first : null;
    }

    private sealed record Findings(OnnxGraph? Graph, GraphFacts Facts, IReadOnlyList<int?>? Axes, RowProof? Proof);
}
