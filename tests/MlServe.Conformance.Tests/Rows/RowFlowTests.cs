using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;
using MlServe.Onnx.Rows;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Cases;

/// <summary>
/// Holds what is proved of rows against the runtime, operator by operator: each axis of each input of the ONNX project's own cases is tried
/// as the axis of the rows, with the other inputs as inputs, and as constants. Where rows are proved to be independent, each must answer
/// alone as in company.
/// </summary>
public sealed class RowFlowTests(ITestOutputHelper output)
{
    /// <summary>Ways to lay rows that are tried of a case with many inputs.</summary>
    private const int MostLayouts = 150;

    [Theory]
    [InlineData("node", 650)]
    [InlineData("simple", 2)]
    [InlineData("pytorch-converted", 30)]
    [InlineData("pytorch-operator", 7)]
    public void Follow_TheAxesOfConformanceCases_ProvesOnlyWhatTheRuntimeShows(string suite, int leastProved)
    {
        var (tried, proved, disproved, unknown, held, spurious) = (0, 0, 0, 0, 0, new List<string>());
        var wrong = new List<string>();
        var provedCases = 0;
        foreach (var test in ConformanceCases.Read(suite).Where(static test => test.RuntimeResult is "pass" or "mismatch"))
        {
            if (ReadInputs(test) is not { } inputs) continue;
            var anyProved = false;
            foreach (var layout in Layouts(inputs))
            {
                foreach (var fixes in (bool[])[true, false])
                {
                    if (!fixes && layout.All(static axis => axis is not null)) continue;
                    var constants = fixes
                        ? inputs.Where((_, i) => layout[i] is null).ToDictionary(static input => input.Name, static input => input.Value)
                        : [];
                    var model = FreedModel.Of(test.Model, constants);
                    var graph = OnnxGraph.Read(model);
                    var axes = graph.SessionInputs.Select(input => inputs.FindIndex(own => own.Name == input.Name) is >= 0 and var index
                        ? layout[index]
                        : null).ToList();
                    var proof = RowFlow.Follow(graph, axes, TestContext.Current.CancellationToken);
                    tried++;
                    if (proof.Verdict == RowIndependence.Unknown) unknown++;
                    else if (proof.Verdict == RowIndependence.Disproved) disproved++;
                    else proved++;
                    if (proof.Verdict == RowIndependence.Unknown) continue;
                    var axesGiven = string.Join(", ", inputs.Select((input, i) => $"{input.Name}:{layout[i]?.ToString() ?? "-"}"));
                    var where = $"{suite}/{test.Name} [{axesGiven}]{(fixes ? "" : " open")}";
                    switch (Ask(model, inputs, layout, constants, proof, out var detail))
                    {
                        case RowOutcome.Differs when proof.Verdict == RowIndependence.Proved
                            || detail.Contains("was followed", StringComparison.Ordinal):
                            wrong.Add($"{where}: {detail}");
                            break;
                        case RowOutcome.Same when proof.Verdict == RowIndependence.Proved:
                            held++;
                            anyProved = true;
                            break;
                        case RowOutcome.Same:
                            spurious.Add($"{where}: {proof.Reason}");
                            break;
                    }
                }
            }

            if (anyProved) provedCases++;
        }

        output.WriteLine(
            $"{suite}: {tried} layouts, {proved} proved ({held} shown by the runtime, of {provedCases} cases), {disproved} disproved "
            + $"({spurious.Count} not seen in the case's data), {unknown} unknown.");
        foreach (var line in spurious)
            output.WriteLine($"not seen: {line}");
        Assert.Empty(wrong);
        Assert.True(provedCases >= leastProved, $"Only {provedCases} cases of {suite} have a layout that is proved.");
    }

    private static RowOutcome Ask(
        byte[] model, List<(string Name, RowTensor Value)> inputs, int?[] layout, Dictionary<string, RowTensor> constants, RowProof proof,
        out string detail)
    {
        try
        {
            using var oracle = new RowOracle(model);
            var rows = inputs.Select((input, i) => layout[i] is { } axis ? (int)input.Value.Shape[axis] : 0).Max();
            var given = inputs.Select((input, i) => (input.Name, input.Value, Axis: layout[i]))
                .Where(input => !constants.ContainsKey(input.Name))
                .ToDictionary(static input => input.Name, static input => (input.Value, input.Axis));
            var axes = proof.Verdict == RowIndependence.Proved ? proof.OutputAxes : new int?[oracle.OutputNames.Count];
            if (FindWrongShape(oracle, model, given, out detail)) return RowOutcome.Differs;
            return oracle.Compare(given, rows, axes, 1e-3, out detail);
        }
        catch (OnnxRuntimeException exception)
        {
            detail = exception.Message;
            return RowOutcome.NotTogether;
        }
    }

    /// <summary>Whether an output of a row alone has other dimensions than those that were followed.</summary>
    private static bool FindWrongShape(
        RowOracle oracle, byte[] model, Dictionary<string, (RowTensor Value, int? Axis)> given, out string detail)
    {
        var alone = given.ToDictionary(
            static pair => pair.Key, static pair => pair.Value.Axis is { } axis ? pair.Value.Value.Rows(axis, 0, 1) : pair.Value.Value);
        if (oracle.Run(alone, out detail) is not { } outputs) return false;
        var graph = OnnxGraph.Read(model);
        var followed = RowFlow.FollowOutputs(
            graph, [.. graph.SessionInputs.Select(input => given.GetValueOrDefault(input.Name).Axis)],
            TestContext.Current.CancellationToken);
        for (var i = 0; i < outputs.Count; i++)
        {
            if (followed[i].Dims is not { } dims || outputs[i] is not [var output]) continue;
            if (dims.Length == output.Shape.Length
                && dims.Zip(output.Shape).All(static pair => !pair.First.IsKnown || pair.First.Is(pair.Second)))
                continue;
            detail = $"output {i} has the shape [{string.Join(',', output.Shape)}], and {followed[i]} was followed";
            return true;
        }

        return false;
    }

    /// <summary>Ways to lay rows: along an axis of more than 1 of some inputs, of one size.</summary>
    private static IEnumerable<int?[]> Layouts(List<(string Name, RowTensor Value)> inputs)
    {
        var sizes = inputs.SelectMany(static input => input.Value.Shape).Where(static size => size is > 1 and <= 32).Distinct();
        var count = 0;
        foreach (var size in sizes)
        {
            var choices = inputs.Select(input =>
                (int?[])[null,
                    .. Enumerable.Range(0, input.Value.Shape.Length)
                        .Where(axis => input.Value.Shape[axis] == size)
                        .Select(static axis => (int?)axis)]).ToArray();
            var ways = choices.Aggregate(1L, static (product, choice) => Math.Min(product * choice.Length, int.MaxValue));
            for (var way = 1L; way < ways && count < MostLayouts; way++)
            {
                var layout = new int?[inputs.Count];
                var rest = way;
                for (var i = 0; i < layout.Length; i++)
                {
                    layout[i] = choices[i][rest % choices[i].Length];
                    rest /= choices[i].Length;
                }

                count++;
                yield return layout;
            }
        }
    }

    private static List<(string Name, RowTensor Value)>? ReadInputs(ConformanceCase test)
    {
        try
        {
            var read = test.ReadInputs(OnnxInspector.Inspect(test.Model))
                .Select(static input => (input.Name, Value: ToRowTensor(input.Value))).ToList();
            return read.Exists(static input => input.Value is null) ? null : [.. read.Select(static input => (input.Name, input.Value!))];
        }
        catch (NotSupportedException)
        {
            return null;
        }
    }

    private static RowTensor? ToRowTensor(CaseValue value) => value switch
    {
        CaseTensor<float> tensor => Of(tensor, TensorElementType.Float),
        CaseTensor<double> tensor => Of(tensor, TensorElementType.Double),
        CaseTensor<Half> tensor => Of(tensor, TensorElementType.Float16),
        CaseTensor<MlServe.Tensors.BFloat16> tensor => Of(tensor, TensorElementType.BFloat16),
        CaseTensor<long> tensor => Of(tensor, TensorElementType.Int64),
        CaseTensor<ulong> tensor => Of(tensor, TensorElementType.UInt64),
        CaseTensor<int> tensor => Of(tensor, TensorElementType.Int32),
        CaseTensor<uint> tensor => Of(tensor, TensorElementType.UInt32),
        CaseTensor<short> tensor => Of(tensor, TensorElementType.Int16),
        CaseTensor<ushort> tensor => Of(tensor, TensorElementType.UInt16),
        CaseTensor<sbyte> tensor => Of(tensor, TensorElementType.Int8),
        CaseTensor<byte> tensor => Of(tensor, TensorElementType.UInt8),
        CaseTensor<bool> tensor => Of(tensor, TensorElementType.Bool),
        CaseTensor<string> tensor => RowTensor.Of(tensor.Values, tensor.Shape),
        _ => null,
    };

    private static RowTensor Of<T>(CaseTensor<T> tensor, TensorElementType type)
        where T : unmanaged => new(type, MemoryMarshal.AsBytes<T>(tensor.Values).ToArray(), [], tensor.Shape);
}
