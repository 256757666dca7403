using System.Globalization;
using MlServe.Cases;
using Xunit;

namespace MlServe.Models;

/// <summary>Along which axes rows lie, found by trying, in models of many makers; and that rows together answer as each alone.</summary>
public class BatchAxisTests
{
    private const string Fixed = "All axes of all inputs have a fixed size.";

    private static readonly (string Path, string Inputs, string Outputs, string Known)[] BatchableModels =
    [
        ("detector/yunet_n_dynamic.onnx", "0", "0 0 0 0 0 0 0 0 0 0 0 0", "height=64 width=96"),
        ("image/mnist_cnn_tribuo.onnx", "0", "0", ""),
        ("image/mobilenetv2_int8_maui/model.onnx", "0", "0", ""),
        ("image/st_mobilenetv2_035_128_flowers.onnx", "0", "0", ""),
        ("image/super_resolution.onnx", "0", "0", ""),
        ("magika/standard_v3_2/model.onnx", "0", "0", ""),
        ("quant-pairs/attention_past_state.onnx", "0 - - 1", "0 1", "seq_len=3 past_sequence_length=2"),
        ("quant-pairs/attention_past_state.u8s8.onnx", "0 - - - - - - 1", "0 1", "seq_len=3 past_sequence_length=2"),
        ("quant-pairs/attention_past_state.u8u8.onnx", "0 - - - - - - 1", "0 1", "seq_len=3 past_sequence_length=2"),
        ("quant-pairs/mnist5x5_fp32.onnx", "0", "0", ""),
        ("rl/godot_ships.onnx", "0 0", "0 0", ""),
        ("stateful/silero_vad.onnx", "0 1 -", "0 1", "?=576 sr=16000"),
        ("stateful/tiny_gpt2_past_fp32.onnx", "0 0 0 1 1 1 1 1", "0 1 1 1 1 1", "seq_len=2 past_seq_len=3 total_seq_len=5"),
        ("tabular/iris_logreg_684B.onnx", "0", "0 0", ""),
        ("tabular/iris_randomforest_zipmap.onnx", "0", "0 0", ""),
        ("tabular/xgb_regressor.onnx", "0", "0", ""),
        ("text/tinybert.onnx", "0 0 0", "0 0", "sequence=6 attention_mask=1 token_type_ids=0"),
    ];

    /// <summary>Path; axis of each required input; axis of each output.</summary>
    public static TheoryData<string, string, string> Batchable { get; } = new(BatchableModels.Select(static model =>
        (model.Path, model.Inputs, model.Outputs)));

    /// <summary>Path; what <see cref="RandomRows"/> must know.</summary>
    public static TheoryData<string, string> BatchableRows { get; } = new(BatchableModels.Select(static model =>
        (model.Path, model.Known)));

    /// <summary>Path; what the note says.</summary>
    public static TheoryData<string, string> NotBatchable { get; } = new()
    {
        { "detector/ultraface_rfb320.onnx", Fixed },
        { "image/mnist-8.onnx", Fixed },
        { "image/mnist_burn.onnx", Fixed },
        { "image/squeezenet_fp16.onnx", Fixed },
        { "quant-pairs/mobilenet_edgetpu_block_qdq.onnx", Fixed },
        { "quant-pairs/tatva_nano_fp32.onnx", Fixed },
        { "quant-pairs/tatva_nano_int8_dyn.onnx", Fixed },
        { "tabular/many_inputs_201.onnx", Fixed },
        { "tabular/mlnet_breastcancer_lr.onnx", Fixed },

        // The axis that it calls "batch" is the one that it attends along; its rows lie on the other.
        { "text/vespa_dummy_transformer.onnx", "Rows answer differently in company" },
    };

    [Theory]
    [MemberData(nameof(Batchable))]
    public async Task Signature_BatchableModel_HasTheAxes(string path, string inputs, string outputs)
    {
        await using var served = await Served.LoadAsync($"models/{path}");
        Assert.Equal(inputs, AxesOf(served.Signature.Inputs.Where(static input => !input.IsOptional)));
        Assert.Equal(outputs, AxesOf(served.Signature.Outputs));
        Assert.True(served.Signature.IsBatchable, served.Signature.BatchingNote);
    }

    [Fact]
    public async Task Signature_DynamicallyQuantizedModel_HasTheAxesAndSaysThatRowsDependOnEachOther()
    {
        await using var served = await Served.LoadAsync("models/quant-pairs/mnist5x5_int8_dyn.onnx");
        Assert.True(served.Signature.IsBatchable);
        Assert.False(served.Signature.RowsAreIndependent);
        Assert.Contains("dynamic quantization", served.Signature.BatchingNote, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(NotBatchable))]
    public async Task Signature_ModelThatTakesOneRow_SaysWhy(string path, string reason)
    {
        await using var served = await Served.LoadAsync($"models/{path}");
        Assert.False(served.Signature.IsBatchable);
        Assert.Contains(reason, served.Signature.BatchingNote, StringComparison.Ordinal);
        Assert.All(served.Signature.Inputs, static input => Assert.Null(input.BatchAxis));
    }

    [Theory]
    [MemberData(nameof(BatchableRows))]
    public async Task Predict_ThreeRowsTogether_AnswersAsEachAlone(string path, string known)
    {
        await using var served = await Served.LoadAsync($"models/{path}");
        var rows = new RandomRows(served.Signature, Parse(known)).Next(3);
        using var together = await served.PredictAsync(PredictionInputs.Rows([.. rows.Select(static input =>
            input.Value.ToInput(input.Name))]));
        together.EnsureOk();
        for (var row = 0; row < 3; row++)
        {
            using var alone = await served.PredictAsync(RowOf(served.Signature, rows, row));
            alone.EnsureOk();
            for (var i = 0; i < together.Count; i++)
                RowComparison.AssertRow(alone[i], together[i], served.Signature.Outputs[i].BatchAxis!.Value, row);
        }
    }

    [Theory]
    [MemberData(nameof(BatchableRows))]
    public async Task Predict_NoRows_AnswersNoRows(string path, string known)
    {
        await using var served = await Served.LoadAsync($"models/{path}");
        var rows = new RandomRows(served.Signature, Parse(known)).Next(0);
        using var prediction = await served.PredictAsync(PredictionInputs.Rows([.. rows.Select(static input =>
            input.Value.ToInput(input.Name))]));
        prediction.EnsureOk();
        Assert.Equal(served.Signature.Outputs.Count, prediction.Count);
        for (var i = 0; i < prediction.Count; i++)
        {
            Assert.Equal(0, prediction[i].Length);
            if (prediction[i].Kind == ValueKind.Tensor) Assert.Equal(0, prediction[i].Shape[served.Signature.Outputs[i].BatchAxis!.Value]);
        }
    }

    [Fact]
    public async Task Signature_AxisStatedThatTheNameHides_HoldsAndIsTried()
    {
        await using var served = await Served.LoadAsync(
            "models/text/vespa_dummy_transformer.onnx", static options => options.BatchAxis = 1);
        Assert.Equal("1 1 1", AxesOf(served.Signature.Inputs));
        Assert.Equal("1", AxesOf(served.Signature.Outputs));
        Assert.Contains("rows alone and together differ by 0", served.Signature.BatchingNote, StringComparison.Ordinal);
    }

    private static PredictionInputs RowOf(ModelSignature signature, IReadOnlyList<(string Name, CaseValue Value)> rows, int row) =>
        PredictionInputs.Row([.. rows.Select(input =>
            (signature.Inputs[signature.IndexOfInput(input.Name)].BatchAxis is { } axis ? input.Value.RowAt(axis, row) : input.Value)
                .ToInput(input.Name))]);

    private static string AxesOf(IEnumerable<ValueSignature> values) =>
        string.Join(' ', values.Select(static value => value.BatchAxis?.ToString() ?? "-"));

    private static Dictionary<string, long> Parse(string known) => known.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(static entry => entry.Split('='))
        .ToDictionary(static entry => entry[0], static entry => long.Parse(entry[1], CultureInfo.InvariantCulture));
}
