using MlServe.Benchmarks.Scorecard;
using MlServe.Quantization;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Quantization;

/// <summary>Generated models of the usual kinds: how much faster integers are than FP32 in the same runtime.</summary>
internal static class Int8Rows
{
    public static readonly Claim ResNet = Claim.AtLeast("int8.resnet.speed", "ratio", 3.0);
    public static readonly Claim ResNetBatch = Claim.AtLeast("int8.resnet.speed_batch8", "ratio", 3.0);
    public static readonly Claim ResNetSize = Claim.AtMost("int8.resnet.size", "ratio", 0.26);
    public static readonly Claim Encoder = Claim.AtLeast("int8.encoder.speed_128", "ratio", 2.6);
    public static readonly Claim EncoderShort = Claim.AtLeast("int8.encoder.speed_16", "ratio", 3.4);
    public static readonly Claim EncoderSnr = Claim.AtLeast("int8.encoder.snr", "dB", 35);
    public static readonly Claim Mlp = Claim.AtLeast("int8.mlp.speed", "ratio", 6);
    public static readonly Claim MlpBatch = Claim.AtLeast("int8.mlp.speed_batch64", "ratio", 3.9);
    public static readonly Claim Lstm = Claim.AtLeast("int8.lstm.speed", "ratio", 3.4);

    private static readonly int[] MlpSizes = [1024, 4096, 4096, 1024];

    public static IEnumerable<ScorecardRow> MeasureResNet(int windows)
    {
        var model = Int8Model.MakeUnjudged(ResNetModel.Create(1), "x", [1, 3, 224, 224], QuantizationMethod.Static);
        yield return ResNetSize.Row(Math.Round(model.SizeRatio, 3), model.Note);
        yield return OnVnni(
            ResNet,
            () => ResNet.Row(model.Speed(windows, "x", [1, 3, 224, 224], "y", [1, 1000]), "ResNet-50 shape, random weights, batch 1"));
        yield return OnVnni(ResNetBatch, () => ResNetBatch.Row(model.Speed(windows, "x", [8, 3, 224, 224], "y", [8, 1000]), "batch 8"));
    }

    public static IEnumerable<ScorecardRow> MeasureEncoder(int windows)
    {
        const int Width = 768;
        var model = Int8Model.MakeUnjudged(EncoderModel.Create(1), "x", [1, 128, Width], QuantizationMethod.Static);
        yield return EncoderSnr.Row(
            Math.Round(model.SnrDb, 1),
            $"two layers of BERT's size, random weights; {model.Note}; batch safe: {!model.Report.IsBatchDependent}");
        yield return OnVnni(Encoder, () => Encoder.Row(model.Speed(windows, "x", [1, 128, Width], "y", [1, 128, Width]), "128 tokens"));
        yield return OnVnni(
            EncoderShort, () => EncoderShort.Row(model.Speed(windows, "x", [1, 16, Width], "y", [1, 16, Width]), "16 tokens"));
    }

    public static IEnumerable<ScorecardRow> MeasureMlp(int windows)
    {
        var model = Int8Model.MakeUnjudged(OnnxModel.Mlp(1, MlpSizes), "x", [1, 1024], QuantizationMethod.Static);
        yield return OnVnni(
            Mlp, () => Mlp.Row(model.Speed(windows, "x", [1, 1024], "y", [1, 1024]), $"MLP {string.Join('-', MlpSizes)}; {model.Note}"));
        yield return OnVnni(MlpBatch, () => MlpBatch.Row(model.Speed(windows, "x", [64, 1024], "y", [64, 1024]), "batch 64"));
    }

    public static IEnumerable<ScorecardRow> MeasureLstm(int windows)
    {
        var model = Int8Model.MakeUnjudged(LstmModel.Create(1, 256, 512), "x", [32, 1, 256], QuantizationMethod.Dynamic);
        yield return OnVnni(
            Lstm, () => Lstm.Row(model.Speed(windows, "x", [32, 1, 256], "y", [32, 1, 1, 512]), $"LSTM 256-512, 32 steps; {model.Note}"));
    }

    /// <summary>Elsewhere other integer kernels run, for which nothing is claimed.</summary>
    public static ScorecardRow OnVnni(Claim claim, Func<ScorecardRow> measure) =>
        Processor.Current == CpuTarget.X86Vnni
            ? measure()
            : claim.NotAvailable("claimed for x86 processors with VNNI, which this one is not");
}
