using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx.Graphs;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Onnx.Rows;

/// <summary>Holds what is proved of generated models against the runtime.</summary>
public sealed class RowFlowPropertyTests(ITestOutputHelper output)
{
    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("COUNT") ?? "200");

    [Fact]
    public void Follow_GeneratedIndependentModels_ProvesThemAndTheRuntimeAgrees()
    {
        var proved = 0;
        for (var seed = 0; seed < Count; seed++)
        {
            var model = RowModels.Independent(seed);
            var proof = Follow(model);
            RowOutcome outcome;
            string detail;
            try
            {
                outcome = Ask(model, proof, seed, out detail);
            }
            catch (OnnxRuntimeException exception)
            {
                output.WriteLine($"{seed} {model.Kind}: REFUSED {exception.Message}");
                continue;
            }

            if (proof.Verdict == RowIndependence.Proved) proved++;
            else output.WriteLine($"{seed} {model.Kind}: {proof.Verdict} {proof.Reason}");
            if (outcome != RowOutcome.Same) output.WriteLine($"{seed} {model.Kind}: {proof.Verdict}, {outcome}: {detail}");
        }

        output.WriteLine($"proved {proved} of {Count}");
    }

    [Fact]
    public void Follow_GeneratedDependentModels_ProvesNone()
    {
        var kinds = new Dictionary<string, int[]>();
        for (var seed = 0; seed < Count; seed++)
        {
            var model = RowModels.Dependent(seed);
            var proof = Follow(model);
            var kind = kinds.TryGetValue(model.Kind.Split(',')[0], out var known) ? known : kinds[model.Kind.Split(',')[0]] = new int[5];
            try
            {
                var outcome = Ask(model, proof, seed, out var detail);
                if (outcome is not RowOutcome.Differs) { kind[3]++; output.WriteLine($"{seed} {model.Kind}: {outcome} {detail} ({proof.Verdict})"); continue; }
            }
            catch (OnnxRuntimeException exception)
            {
                kind[4]++;
                output.WriteLine($"{seed} {model.Kind}: REFUSED {exception.Message}");
                continue;
            }

            kind[(int)proof.Verdict]++;
            if (proof.Verdict != RowIndependence.Disproved) output.WriteLine($"{seed} {model.Kind}: {proof.Verdict} {proof.Reason}");
        }

        foreach (var (kind, counts) in kinds.OrderBy(static pair => pair.Key))
            output.WriteLine($"{kind}: unknown {counts[0]}, proved {counts[1]}, disproved {counts[2]}, not shown {counts[3]}, refused {counts[4]}");
    }

    [Fact]
    public void DumpSoup()
    {
        if (Environment.GetEnvironmentVariable("SOUP") is { } seed)
        {
            var model = SoupModels.Create(int.Parse(seed));
            File.WriteAllBytes("/tmp/soup.onnx", model.Bytes);
            var graph = OnnxGraph.Read(model.Bytes);
            output.WriteLine(string.Join(", ", graph.Main.Inputs.Select(static i => i.Name + ":" + i.Type)));
            output.WriteLine(string.Join(", ", model.Inputs.Select(static i => i.Name + ":" + i.Axis)));
            foreach (var (n, t) in graph.Main.Initializers) output.WriteLine($"init {n} {t.ElementType}[{string.Join(",", t.Dims)}] {(t.Integers is { Length: < 10 } v ? string.Join(",", v) : "")}");
            foreach (var node in graph.Main.Nodes) output.WriteLine($"{node.OpType} ({string.Join(", ", node.Inputs)}) -> {string.Join(", ", node.Outputs)} {string.Join(" ", node.Attributes.Select(static a => $"{a.Name}={a.Int} {(a.Ints is null ? "" : string.Join(",", a.Ints))} {a.Text} {(a.Tensor?.Integers is { } v ? string.Join(",", v) : "")}"))}");
            var p = Follow(model);
            output.WriteLine($"{p.Verdict} {p.Reason} {string.Join(",", p.OutputAxes)}");
        }
    }

    [Fact]
    public void Follow_SoupModels_ProvesOnlyWhatHolds()
    {
        var counts = new Dictionary<string, int>();
        var first = int.Parse(Environment.GetEnvironmentVariable("FIRST") ?? "0");
        for (var seed = first; seed < first + 10 * Count; seed++)
        {
            if (Environment.GetEnvironmentVariable("LAST") is { } file) File.WriteAllText(file, seed.ToString(System.Globalization.CultureInfo.InvariantCulture));
            var model = SoupModels.Create(seed);
            var proof = Follow(model);
            foreach (var rows in (int[])[2, 3, 5])
            {
                var outcome = "refused";
                var detail = "";
                try
                {
                    using var oracle = new RowOracle(model.Bytes);
                    var axes = proof.Verdict == RowIndependence.Proved ? proof.OutputAxes : new int?[oracle.OutputNames.Count];
                    outcome = oracle.Compare(model.WithAxes(model.MakeRandom(new Random(seed + rows), rows)), rows, axes, 1e-4, out detail).ToString();
                }
                catch (OnnxRuntimeException e)
                {
                    detail = e.Message;
                }

                counts[$"{proof.Verdict} {outcome}"] = counts.GetValueOrDefault($"{proof.Verdict} {outcome}") + 1;
                if (proof.Verdict == RowIndependence.Proved && outcome != "Same") output.WriteLine($"WRONG {seed} {rows}: {outcome} {detail}");
                if (proof.Verdict == RowIndependence.Disproved && outcome == "Same" && rows == 5) output.WriteLine($"SPURIOUS {seed} {rows}: {proof.Reason}");
            }
        }

        foreach (var (what, count) in counts) output.WriteLine($"soup {what}: {count}");
    }

    private static RowProof Follow(RowModel model)
    {
        var graph = OnnxGraph.Read(model.Bytes);
        var axes = model.Inputs.ToDictionary(static input => input.Name, static input => input.Axis);
        return RowFlow.Follow(graph, [.. graph.SessionInputs.Select(input => axes[input.Name])], TestContext.Current.CancellationToken);
    }

    private static RowOutcome Ask(RowModel model, RowProof proof, int seed, out string detail)
    {
        using var oracle = new RowOracle(model.Bytes);
        var values = model.Make(new Random(seed), 3);
        var rows = model.Inputs.Where(static input => input.Axis is not null).Select(input => (int)values[input.Name].Shape[input.Axis!.Value]).First();
        return oracle.Compare(model.WithAxes(values), rows, proof.Verdict == RowIndependence.Proved ? proof.OutputAxes : new int?[oracle.OutputNames.Count], 1e-4, out detail);
    }
}
