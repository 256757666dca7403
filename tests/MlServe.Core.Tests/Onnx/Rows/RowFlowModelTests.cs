using System.IO.Compression;
using MlServe.Onnx.Graphs;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Onnx.Rows;

/// <summary>What is proved of real models. Axes are those that are true of them; what is declared is no part of it.</summary>
public sealed class RowFlowModelTests
{
    [Theory]
    [InlineData("image/mnist_cnn_tribuo.onnx", "input_image:0")]
    [InlineData("image/mobilenetv2_int8_maui/model.onnx", "image:0")]
    [InlineData("image/st_mobilenetv2_035_128_flowers.onnx", "input_1:0")]
    [InlineData("image/super_resolution.onnx", "input:0")]
    [InlineData("magika/standard_v3_2/model.onnx", "bytes:0")]
    [InlineData("text/tinybert.onnx", "input_ids:0 attention_mask:0 token_type_ids:0")]
    [InlineData("text/vespa_dummy_transformer.onnx", "input_ids:1 attention_mask:1 token_type_ids:1")]
    [InlineData("tabular/iris_randomforest_zipmap.onnx", "X:0")]
    [InlineData("tabular/iris_logreg_684B.onnx", "input:0")]
    [InlineData("tabular/xgb_regressor.onnx", "X:0")]
    [InlineData(
        "stateful/tiny_gpt2_past_fp32.onnx", "input_ids:0 position_ids:0 attention_mask:0 past_0:1 past_1:1 past_2:1 past_3:1 past_4:1")]
    [InlineData("detector/yunet_n_dynamic.onnx", "input:0")]
    [InlineData("quant-pairs/mnist5x5_fp32.onnx", "input:0")]
    [InlineData("quant-pairs/attention_past_state.onnx", "input:0 past:1")]
    [InlineData("quant-pairs/attention_past_state.u8u8.onnx", "input:0 past:1")]
    [InlineData("quant-pairs/attention_past_state.u8s8.onnx", "input:0 past:1")]
    [InlineData("rl/godot_ships.onnx", "obs:0 state_ins:0")]
    public void Follow_ABatchableModel_Proves(string model, string rows)
    {
        var proof = Follow(SharedData.PathOf($"models/{model}"), rows);
        Assert.Equal((RowIndependence.Proved, ""), (proof.Verdict, proof.Reason));
        Assert.DoesNotContain(null, proof.OutputAxes);
    }

    [Theory]
    [InlineData("models/quant-pairs/mnist5x5_int8_dyn.onnx", "input:0", "DynamicQuantizeLinear", "over the whole batch")]
    // What it calls "tokens" are its rows: it was exported with the axes the other way round.
    [InlineData(
        "models/text/vespa_dummy_transformer.onnx", "input_ids:0 attention_mask:0 token_type_ids:0", "MatMul",
        "rows of the batch with each other")]
    [InlineData("models/text/tinybert.onnx", "input_ids:1 attention_mask:1 token_type_ids:1", "", "")]
    [InlineData("models/stateful/tiny_gpt2_past_fp32.onnx", "input_ids:0 position_ids:0 attention_mask:0", "Attention", "fixed number")]
    [InlineData("regressions/2-small-outputs.onnx", "x:0", "ReduceMean", "goes over the axis of the rows")]
    [InlineData("regressions/2-one-sample.onnx", "x:0", "ReduceMean", "goes over the axis of the rows")]
    [InlineData("regressions/10-model.onnx", "x:0", "BatchNormalization", "training mode")]
    public void Follow_AModelWhoseRowsDependOnEachOther_SaysWhere(string model, string rows, string node, string reason)
    {
        var proof = Follow(SharedData.PathOf(model), rows);
        Assert.Equal(RowIndependence.Disproved, proof.Verdict);
        Assert.StartsWith(node, proof.Node, StringComparison.Ordinal);
        Assert.Contains(reason, proof.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Follow_AChoiceByASizeThatIsNotKnown_LeavesItOpen()
    {
        // What the decoder gets is squeezed if a size that follows from the number of samples is 1.
        var proof = Follow(SharedData.PathOf("models/stateful/silero_vad.onnx"), "input:0 state:1");
        Assert.Equal(RowIndependence.Unknown, proof.Verdict);
        Assert.StartsWith("If", proof.Node, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1-model.onnx")]
    [InlineData("3-model.onnx")]
    [InlineData("4-mlp.onnx")]
    [InlineData("4-pool.onnx")]
    [InlineData("5-model.onnx")]
    [InlineData("7-model.onnx")]
    [InlineData("12-dead.onnx")]
    [InlineData("12-nan.onnx")]
    public void Follow_ModelsThatShowAnotherFault_Proves(string model)
    {
        var graph = OnnxGraph.Read(File.ReadAllBytes(SharedData.PathOf($"regressions/{model}")));
        Assert.Equal(
            RowIndependence.Proved,
            RowFlow.Follow(graph, [.. graph.SessionInputs.Select(static _ => (int?)0)], TestContext.Current.CancellationToken).Verdict);
    }

    [Fact]
    public void Follow_ModelsWithAFixedBatch_LeavesThemOpen()
    {
        using var zip = ZipFile.OpenRead(SharedData.PathOf("onnx-node-open.zip"));
        var entries = zip.Entries.Where(static entry => entry.FullName.StartsWith("light/", StringComparison.Ordinal)
            && entry.FullName.EndsWith(".onnx", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(entries);
        foreach (var entry in entries)
        {
            using var content = new MemoryStream();
            using (var stream = entry.Open())
                stream.CopyTo(content);
            var graph = OnnxGraph.Read(content.ToArray());
            var proof = RowFlow.Follow(graph, [.. graph.SessionInputs.Select(static _ => (int?)0)], TestContext.Current.CancellationToken);
            Assert.Equal((entry.FullName, RowIndependence.Unknown), (entry.FullName, proof.Verdict));
            Assert.Contains("no axis 0 of free size", proof.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Follow_ModelsOfTheTests_Proves()
    {
        (byte[] Model, int Axis)[] models =
            [(EncoderModel.Create(1, 2, 32, 4), 0), (ResNetModel.Create(1, 32, 4, 10), 0), (OnnxModel.Mlp(1, 4, 8, 3), 0),
                (LstmModel.Create(1, 8, 8), 1)];
        foreach (var (model, axis) in models)
            Assert.Equal(
                RowIndependence.Proved, RowFlow.Follow(OnnxGraph.Read(model), [axis], TestContext.Current.CancellationToken).Verdict);
    }

    private static RowProof Follow(string path, string rows)
    {
        var graph = OnnxGraph.Read(File.ReadAllBytes(path));
        var axes = rows.Split(' ')
            .Select(static pair => pair.Split(':'))
            .ToDictionary(
                static pair => pair[0], static pair => (int?)int.Parse(pair[1], System.Globalization.CultureInfo.InvariantCulture));
        return RowFlow.Follow(
            graph, [.. graph.SessionInputs.Select(input => axes.GetValueOrDefault(input.Name))], TestContext.Current.CancellationToken);
    }
}
