using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Rows;

/// <summary>The steps that one following of rows through a model has used so far, and the state of the model as a whole.</summary>
internal sealed class RowTrace(OnnxGraph graph, CancellationToken cancellationToken)
{
    /// <summary>Nodes to follow, those of a function or a loop's body as often as they are called. Far more than real models take, and less
    /// than a second.</summary>
    private const int MaxSteps = 1_000_000;

    /// <summary>Graphs within graphs, functions included.</summary>
    private const int MaxDepth = 64;

    private int _steps;

    public OnnxGraph Graph => graph;

    public Symbols Symbols { get; } = new();

    /// <summary>Set if nothing that was found may be relied on any more.</summary>
    public Cause? Defeat { get; private set; }

    /// <summary>
    /// Whether the file declares a size if none is known from the graph itself. The runtime believes it and puts it in place of what
    /// <c>Shape</c> gives.
    /// </summary>
    public bool HasUnknownDeclarations { get; set; }

    public void GiveUp(Cause cause) => Defeat ??= cause;

    /// <summary>Counts a node; false if there is no going on.</summary>
    public bool TryStep()
    {
        if ((++_steps & 0xFF) == 0) cancellationToken.ThrowIfCancellationRequested();
        if (_steps > MaxSteps)
            GiveUp(new(null, $"the graph has more than {MaxSteps} nodes, counted as often as they are run", IsCertain: false));
        return Defeat is null;
    }

    public bool TryEnter(int depth)
    {
        if (depth > MaxDepth || !System.Runtime.CompilerServices.RuntimeHelpers.TryEnsureSufficientExecutionStack())
            GiveUp(new(null, $"graphs and functions lie {depth} deep within each other", IsCertain: false));
        return Defeat is null;
    }
}
