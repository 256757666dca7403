using MlServe.Quantization.Evaluation.Metrics;
using MlServe.Quantization.Preprocessing;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class OutputEndsTests
{
    // Each operator as "Operator input input > output"; c is a constant.
    public static TheoryData<string, string> Ends => new()
    {
        { "Softmax x > y", "Softmax" },
        { "ReduceMax x > m; Sub x m > d; Exp d > e; ReduceSum e > s; Div e s > y", "Softmax" },
        { "ReduceMax x > m; Max c m > n; Sub x n > d; Exp d > e; ReduceSum e > s; Reshape s c > r; Expand r c > t; Div e t > y",
            "Softmax" },
        { "Exp x > e; ReduceSum e > s; Reciprocal s > r; Mul e r > y", "Softmax" },
        { "Exp x > e; ReduceSum e > s; Log s > l; Sub x l > y", "Softmax" },
        { "ReduceLogSumExp x > l; Sub x l > y", "Softmax" },
        { "Neg x > n; Exp n > e; Add e c > a; Reciprocal a > y", "Sigmoid" },
        { "Neg x > n; Exp n > e; Add c e > a; Div c a > y", "Sigmoid" },
        { "ReduceL2 x > l; Div x l > y", "UnitLength" },
        { "ReduceL2 x > l; Clip l c > k; Expand k c > t; Div x t > y", "UnitLength" },
        { "Mul x x > q; ReduceSum q > s; Sqrt s > l; Div x l > y", "UnitLength" },
        { "ReduceSumSquare x > s; Add s c > a; Sqrt a > l; Reciprocal l > r; Mul x r > y", "UnitLength" },
        { "ReduceSum x > s; ReduceSum m > n; Clip n c > k; Div s k > y", "Mean" },
        { "ReduceSum x > s; Div x s > y", "Other" },
        { "ReduceSum x > s; Mul x s > y", "Other" },
        { "MatMul x c > p; Add p c > y", "Product" },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void Of_EndsThatExportersWrite_AreKnown(string operators, string expected)
    {
        var graph = new TestGraph().Input("x", 2, 4).Input("m", 2, 4).Output("y").Scalar("c", 1);
        foreach (var one in operators.Split("; "))
        {
            var (left, output) = (one.Split(" > ")[0], one.Split(" > ")[1]);
            graph.Node(left.Split(' ')[0], left[(left.IndexOf(' ', StringComparison.Ordinal) + 1)..], output);
        }

        Assert.Equal(expected, new OutputEnds(new(graph.Model.Graph)).Of("y").ToString());
    }

    [Fact]
    public async Task QuantizeAsync_Magika_IsJudgedByClasses()
    {
        using var folder = new TemporaryFolder();
        var source = SharedData.PathOf("models/magika/standard_v3_2/model.onnx");
        var random = new Random(3);
        var samples = Enumerable.Range(0, 8)
            .Select(_ =>
                PredictionInputs.Rows(PredictionInput.Tensor(
                    "bytes", [.. Enumerable.Range(0, 2048).Select(_ => random.Next(257))], [1, 2048]))).ToList();
        var options = new QuantizationOptions
        {
            Gate = new() { MinSpeedup = 0, MinSpeed = 0, MinAgreement = null, MinSnrDb = null },
        }.CalibrateWith(samples);
        var report = await OnnxQuantizer.QuantizeAsync(source, folder["q.onnx"], options, TestContext.Current.CancellationToken);
        Assert.Equal((OutputMetric.Classes, "it ends in a Softmax"), (report.Outputs[0].Metric, report.Outputs[0].MetricReason));
    }
}
