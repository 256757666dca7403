using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx.Graphs;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Onnx.Rows;

/// <summary>Holds what is proved of generated models against the runtime.</summary>
public sealed class RowFlowPropertyTests(ITestOutputHelper output)
{
    private const int Count = 250;

    [Fact]
    public void Follow_GeneratedIndependentModels_ProvesThem()
    {
        var proved = 0;
        for (var seed = 0; seed < Count; seed++)
        {
            var model = RowModels.Independent(seed);
            var proof = Follow(model);
            Assert.NotEqual((seed, RowIndependence.Disproved, proof.Reason), (seed, proof.Verdict, proof.Reason));
            if (proof.Verdict != RowIndependence.Proved) continue;
            proved++;
            Assert.Equal((seed, RowOutcome.Same, ""), (seed, Ask(model, proof, model.Make(new Random(seed), 4), out var detail), detail));
        }

        output.WriteLine($"{proved} of {Count} are proved.");
        // Masks that write by the places of what they find in all rows are left open.
        Assert.True(proved >= Count * 0.9, $"Only {proved} of {Count} models with independent rows are proved.");
    }

    [Fact]
    public void Follow_GeneratedDependentModels_ProvesNoneAndDisprovesThem()
    {
        var (shown, disproved, kinds) = (0, 0, new HashSet<string>());
        for (var seed = 0; seed < Count; seed++)
        {
            var model = RowModels.Dependent(seed);
            var proof = Follow(model);
            Assert.NotEqual((seed, RowIndependence.Proved), (seed, proof.Verdict));
            if (Ask(model, proof, model.Make(new Random(seed), 4), out _) != RowOutcome.Differs) continue;
            shown++;
            kinds.Add(model.Kind.Split(',')[0]);
            if (proof.Verdict == RowIndependence.Disproved) disproved++;
        }

        output.WriteLine($"{disproved} of {shown} are disproved, of {kinds.Count} kinds.");
        Assert.True(shown >= Count * 0.9, $"Only {shown} of {Count} generated models show that their rows depend on each other.");
        Assert.True(kinds.Count >= 15, $"Only {kinds.Count} kinds were generated.");
        Assert.True(disproved >= shown * 0.98, $"Only {disproved} of {shown} models with dependent rows are disproved.");
    }

    /// <summary>Operators thrown together: whatever is proved holds in companies of two, three and five rows.</summary>
    [Fact]
    public void Follow_OperatorsThrownTogether_ProvesOnlyWhatHolds()
    {
        var (proved, held) = (0, 0);
        for (var seed = 0; seed < 6 * Count; seed++)
        {
            var model = SoupModels.Create(seed);
            var proof = Follow(model);
            if (proof.Verdict != RowIndependence.Proved) continue;
            proved++;
            foreach (var rows in (int[])[2, 3, 5])
            {
                var outcome = Ask(model, proof, model.MakeRandom(new Random(seed + rows), rows), out var detail);
                Assert.NotEqual((seed, RowOutcome.Differs, detail), (seed, outcome, detail));
                if (outcome == RowOutcome.Same) held++;
            }
        }

        output.WriteLine($"{proved} are proved; {held} companies answered as their rows alone.");
        Assert.True(held >= 6 * Count / 2, $"Only {held} companies of rows that are proved to be independent were run.");
    }

    private static RowProof Follow(RowModel model)
    {
        var graph = OnnxGraph.Read(model.Bytes);
        var axes = model.Inputs.ToDictionary(static input => input.Name, static input => input.Axis);
        return RowFlow.Follow(graph, [.. graph.SessionInputs.Select(input => axes[input.Name])], TestContext.Current.CancellationToken);
    }

    private static RowOutcome Ask(RowModel model, RowProof proof, IReadOnlyDictionary<string, RowTensor> values, out string detail)
    {
        try
        {
            using var oracle = new RowOracle(model.Bytes);
            var rows = model.Inputs.Where(static input => input.Axis is not null).Max(input => (int)values[input.Name].Shape[input.Axis!.Value]);
            return oracle.Compare(model.WithAxes(values), rows, proof.Verdict == RowIndependence.Proved ? proof.OutputAxes : new int?[oracle.OutputNames.Count], 1e-4, out detail);
        }
        catch (OnnxRuntimeException exception)
        {
            detail = exception.Message;
            return RowOutcome.NotTogether;
        }
    }
}
