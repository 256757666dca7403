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
        Assert.True(disproved == shown, $"Only {disproved} of {shown} models with dependent rows are disproved.");
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

    /// <summary>
    /// What is not known of a model's inputs is not known of its outputs: no operator loses it, and none takes it for a mixture.
    /// </summary>
    [Fact]
    public void Follow_InputsBehindAMask_LeavesEveryOutputInDoubt()
    {
        var followed = 0;
        foreach (var (seed, make) in Enumerable.Range(0, 8 * Count)
            .Select(static seed => (seed, seed < 2 * Count ? (Func<int, bool, RowModel>)RowModels.Independent : SoupModels.Create)))
        {
            var plain = Follow(make(seed, false));
            if (plain.Verdict != RowIndependence.Proved) continue;
            followed++;
            var masked = make(seed, true);
            var graph = OnnxGraph.Read(masked.Bytes);
            var values = RowFlow.FollowOutputs(graph, AxesOf(graph, masked), TestContext.Current.CancellationToken);
            Assert.All(
                values,
                value =>
                    Assert.True(
                        value is { Doubt: not null } or { IsBroken: true, Cause.IsCertain: false }, $"{make.Method.Name} {seed}: {value}"));
            Assert.Equal((seed, RowIndependence.Unknown), (seed, Follow(masked).Verdict));
        }

        output.WriteLine($"{followed} models that are proved are in doubt behind a mask.");
        Assert.True(followed >= 3 * Count, $"Only {followed} models were proved.");
    }

    private static RowProof Follow(RowModel model)
    {
        var graph = OnnxGraph.Read(model.Bytes);
        return RowFlow.Follow(graph, AxesOf(graph, model), TestContext.Current.CancellationToken);
    }

    private static int?[] AxesOf(OnnxGraph graph, RowModel model)
    {
        var axes = model.Inputs.ToDictionary(static input => input.Name, static input => input.Axis);
        return [.. graph.SessionInputs.Select(input => axes[input.Name.Replace(" as given", "", StringComparison.Ordinal)])];
    }

    private static RowOutcome Ask(RowModel model, RowProof proof, IReadOnlyDictionary<string, RowTensor> values, out string detail)
    {
        try
        {
            using var oracle = new RowOracle(model.Bytes);
            var rows = model.Inputs.Where(static input => input.Axis is not null)
                .Max(input => (int)values[input.Name].Shape[input.Axis!.Value]);
            return oracle.Compare(
                model.WithAxes(values), rows,
                proof.Verdict == RowIndependence.Proved ? proof.OutputAxes : new int?[oracle.OutputNames.Count], 1e-4, out detail);
        }
        catch (OnnxRuntimeException exception)
        {
            detail = exception.Message;
            return RowOutcome.NotTogether;
        }
    }
}
