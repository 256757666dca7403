using System.Runtime.CompilerServices;
using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>
/// Follows the sizes of values through a graph, its subgraphs and functions. It refuses a model that asks for more memory, or more runs of
/// a loop, than it may. A file of some hundred bytes can ask for any amount. Sizes that depend on the request count as small, so that no
/// model is refused for requests that its callers may send.
/// </summary>
internal sealed class GraphEstimator(OnnxGraph graph, OnnxInspectionLimits limits)
{
    /// <summary>The bound for all values that are there at the same time, as a multiple of the bound for one value.</summary>
    private const int LiveValues = 4;

    /// <summary>
    /// How often a loop's body is followed. A value that doubles each time is beyond any limit by then, and the growth of one that grows
    /// evenly is known.
    /// </summary>
    private const int MaxFollowedRuns = 64;

    private readonly LoopRules _loops = new(limits);
    private readonly GuardList _guards = new();
    private double _constantBytes;
    private double _liveBytes;
    private int _depth;
    private long _steps;

    /// <summary>Nodes that may be followed again in further runs of loops, in all.</summary>
    private long _furtherSteps = 1_000_000;

    /// <returns>The values that requests must not hold.</returns>
    /// <exception cref="ModelLoadException">It asks for too much.</exception>
    public IReadOnlyList<InputGuard> Check()
    {
        var scope = new EstimateScope();
        foreach (var input in graph.Main.Inputs)
        {
            if (input.Type.Kind != OnnxValueKind.Tensor) continue;
            var given = Estimate.Of(
                input.Type.ElementType,
                input.Type.Dimensions is { } dims ? [.. dims.Select(static dim => dim.Size ?? Estimate.Free)] : null);

            // Sizes that no request can have say nothing, but for a list of integers, which may stand for a shape.
            if (given.Bytes > limits.MaxDerivedBytes && given is not { Rank: 1, Type: OnnxElementType.Int64 })
                given = Estimate.Of(given.Type, [.. given.Dims!.Select(static _ => Estimate.Free)]);
            scope[input.Name] = new() { Type = given.Type, Dims = given.Dims, Input = input.Name };
        }

        Follow(graph.Main, scope, graph.Opsets, isMain: true);
        return _guards.ToList(graph.Main);
    }

    private void Follow(GraphBody body, EstimateScope scope, IReadOnlyDictionary<string, long> opsets, bool isMain = false)
    {
        if (++_depth > Refusals.MaxCallDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Refusals.TooLarge(
                $"its subgraphs and functions nest more than {Refusals.MaxCallDepth} deep", nameof(limits.MaxDepth), limits.MaxDepth);
        foreach (var (name, tensor) in body.Initializers)
        {
            if (tensor.IsSparse)
                CheckSize(Estimate.Of(tensor.ElementType, tensor.Dims), $"its sparse initializer {Refusals.Quote(name)}", isConstant: true);

            // A default may be replaced by any request.
            scope[name] = !isMain || !graph.IsDefault(name)
                ? Of(tensor)
                : new() { Type = tensor.ElementType, Dims = tensor.Dims, Input = name };
        }

        var live = new LiveValues(body);
        var before = _liveBytes;
        foreach (var node in body.Nodes)
        {
            _steps++;
            Follow(node, scope, opsets);
            _liveBytes += live.Make(node, scope);
            if (_liveBytes > (double)limits.MaxDerivedBytes * LiveValues)
            {
                throw Refusals.TooLarge(
                    FormattableString.Invariant(
                        $"at {Name(node)} its values take {Text(_liveBytes)} bytes together, {LiveValues} times as much as one may have"),
                    nameof(limits.MaxDerivedBytes), limits.MaxDerivedBytes);
            }

            _liveBytes -= live.Release(node);
        }

        _liveBytes = before;
        _depth--;
    }

    private void Follow(GraphNode node, EstimateScope scope, IReadOnlyDictionary<string, long> opsets)
    {
        var estimate = new NodeEstimate(
            node, [.. node.Inputs.Select(name => name.Length == 0 ? Estimate.Unknown : scope[name])],
            opsets.GetValueOrDefault(node.Domain, 1));
        AttributeRules.Check(estimate, Name(node));
        _guards.Look(estimate);
        if (node.TryGetConstant(out var constant)) estimate.Out(0, Of(constant));
        else if (graph.FindFunction(node) is { } function) FollowCall(function, estimate);
        else if (node.IsStandard && node.OpType == "Loop") FollowLoop(estimate, scope, opsets);
        else if (node.IsStandard && node.OpType == "If") FollowBranches(estimate, scope, opsets);
        else FollowOperator(estimate, scope, opsets);

        var (isLeast, isLeastRank) = (estimate.MakesLeast, estimate.MakesLeastRank);
        for (var i = 0; i < node.Outputs.Length; i++)
        {
            if (isLeast) estimate.Out(i, estimate.Outputs[i].AsLeast(isLeastRank));
            CheckSize(estimate.Outputs[i], Name(node), estimate.Outputs[i].IsConstant && constant is null);
            if (node.Outputs[i].Length > 0) scope[node.Outputs[i]] = estimate.Outputs[i];
        }

        if (estimate.Scratch > limits.MaxDerivedBytes)
            throw Refusals.TooLarge(
                $"{Name(node)} needs {Text(estimate.Scratch)} bytes to work in", nameof(limits.MaxDerivedBytes), limits.MaxDerivedBytes);
    }

    private void FollowOperator(NodeEstimate estimate, EstimateScope scope, IReadOnlyDictionary<string, long> opsets)
    {
        var node = estimate.Node;
        if (node is { IsStandard: true, OpType: "Identity" })
        {
            estimate.Out(0, estimate.In(0));
            return;
        }

        ShapeRules.Apply(estimate);
        if (estimate.Outputs.Length > 0 && estimate.Outputs[0] is var first && NumberRules.Apply(estimate, first) is { } numbers
            && numbers.Length <= Estimate.MaxNumbers)
        {
            estimate.Out(0, new()
            {
                Type = first.Type,
                Dims = first.Dims is not null && Estimate.CountOf(first.Dims) == numbers.Length && !first.Dims.Contains(Estimate.Free)
                    ? first.Dims
                    : [numbers.Length],
                Numbers = numbers,
            });
        }

        // A body of another operator, a Scan's say: each of its values is one step's.
        foreach (var body in node.Attributes.SelectMany(static attribute => attribute.Bodies))
        {
            var inner = new EstimateScope(scope);
            foreach (var input in body.Inputs)
                inner[input.Name] = Estimate.Of(input.Type.ElementType, null);
            var (trips, from) = node.OpType == "Scan" ? LoopRules.StepsOfScan(estimate) : (1, 0);
            _loops.Enter(trips, Name(node));
            if (from >= 0 && node.OpType == "Scan") LoopRules.GiveSteps(estimate, body, inner, from);
            Follow(body, inner, opsets);
            if (node.OpType == "Scan") LoopRules.TakeSteps(estimate, body, inner, from, trips);
            _loops.Leave();
        }

        if (IsSteady(node) && node.Inputs.All(name => name.Length == 0 || scope[name].IsConstant))
        {
            for (var i = 0; i < estimate.Outputs.Length; i++)
                estimate.Out(i, estimate.Outputs[i].With(isConstant: true));
        }
    }

    private void FollowCall(GraphFunction function, NodeEstimate call)
    {
        var scope = new EstimateScope();
        for (var i = 0; i < function.Body.Inputs.Count; i++)
            scope[function.Body.Inputs[i].Name] = call.In(i);
        var body = Array.Exists(
            [.. function.Body.Nodes],
            static node => Array.Exists(node.Attributes, static attribute => attribute.Reference is not null || attribute.Bodies.Count > 0))
            ? Bound(function, function.Body, call.Node)
            : function.Body;
        Follow(body, scope, function.Opsets);
        for (var i = 0; i < function.Body.Outputs.Count; i++)
            call.Out(i, scope[function.Body.Outputs[i].Name]);
    }

    /// <summary>The body as it stands in the place of a call.</summary>
    private static GraphBody Bound(GraphFunction function, GraphBody body, GraphNode call) => new()
    {
        Name = body.Name,
        Inputs = body.Inputs,
        Outputs = body.Outputs,
        Declared = body.Declared,
        Initializers = body.Initializers,
        Faults = body.Faults,
        Free = body.Free,
        Nodes = [.. body.Nodes.Select(node => node.With(function.Bind(node, call)))],
    };

    private void FollowBranches(NodeEstimate estimate, EstimateScope scope, IReadOnlyDictionary<string, long> opsets)
    {
        Estimate[]? joined = null;
        foreach (var body in estimate.Node.Attributes.SelectMany(static attribute => attribute.Bodies))
        {
            var inner = new EstimateScope(scope);
            Follow(body, inner, opsets);
            Estimate[] outputs = [.. body.Outputs.Select(output => inner[output.Name])];
            joined = joined is null ? outputs : [.. joined.Zip(outputs, static (a, b) => a.Join(b))];
        }

        for (var i = 0; i < (joined?.Length ?? 0); i++)
            estimate.Out(i, joined![i].With(isConstant: false));
    }

    private void FollowLoop(NodeEstimate estimate, EstimateScope scope, IReadOnlyDictionary<string, long> opsets)
    {
        if (estimate.Node.Body("body") is not { } body) return;
        var loop = new LoopState(estimate, body, scope);
        _loops.Enter(loop.Trips, Name(estimate.Node));
        var runs = loop.IsCounted ? Math.Min(MaxFollowedRuns, Math.Max(1, loop.Trips)) : 2;
        var run = 0;
        for (var isOver = false; !isOver; run++)
        {
            var inner = new EstimateScope(scope);
            loop.Give(inner, run);
            var stepsBefore = _steps;
            Follow(body, inner, opsets);
            if (run > 0) _furtherSteps -= _steps - stepsBefore;

            // Followed again only where the next run differs: nested loops would multiply the work.
            isOver = !loop.Take(inner) || run + 1 >= runs || _furtherSteps <= 0;
        }

        _loops.Leave();
        loop.Finish(estimate, Math.Max(0, loop.Trips - run));
    }

    /// <summary>Whether it gives the same in every run if its inputs are the same.</summary>
    private static bool IsSteady(GraphNode node) =>
        !node.OpType.StartsWith("Random", StringComparison.Ordinal) && node.OpType is not ("Multinomial" or "Bernoulli" or "Dropout")
            && !Array.Exists(node.Attributes, static attribute => attribute.Bodies.Count > 0);

    private void CheckSize(Estimate value, string who, bool isConstant)
    {
        if (value.Dims is null) return;
        if (value.Bytes > limits.MaxDerivedBytes)
        {
            var dims = value.Dims.Select(static dim => dim == Estimate.Free ? "?" : Text(dim));
            throw Refusals.TooLarge(
                $"{who} makes a value of [{string.Join(",", dims)}], {Text(value.Bytes)} bytes",
                nameof(limits.MaxDerivedBytes), limits.MaxDerivedBytes);
        }

        if (isConstant) _constantBytes += value.Bytes;
        if (_constantBytes > limits.MaxDerivedBytes)
            throw Refusals.TooLarge(
                $"up to {who} the constants that it makes at load take {Text(_constantBytes)} bytes", nameof(limits.MaxDerivedBytes),
                limits.MaxDerivedBytes);
    }

    private static Estimate Of(GraphTensor tensor) => new()
    {
        Type = tensor.ElementType,
        Dims = tensor.Dims,
        Numbers = tensor.Integers is { } integers ? Array.ConvertAll(integers, static number => (double)number) : tensor.Numbers,
        IsConstant = true,
    };

    private static string Name(GraphNode node) =>
        node.Name.Length == 0
            ? $"its node {Refusals.Quote(node.OpType)}"
            : $"its node {Refusals.Quote(node.Name)} ({Refusals.Quote(node.OpType)})";

    private static string Text(double bytes) =>
        bytes.ToString(bytes < 1e15 ? "F0" : "0.0e+0", System.Globalization.CultureInfo.InvariantCulture);
}
