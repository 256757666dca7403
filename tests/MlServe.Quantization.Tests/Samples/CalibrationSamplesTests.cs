using System.Runtime.InteropServices;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Samples;

public sealed class CalibrationSamplesTests : IDisposable
{
    private static readonly float[] Values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public CalibrationSamplesTests() => _model = _folder.Write("m.onnx", OnnxModel.Mlp(1, 4, 8, 2));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 2)]
    public async Task FromFiles_WithAndWithoutHeader_GiveTheSameRows(int rows, int expected)
    {
        var array = _folder.Write("rows.npy", Npy.Of(Values, 3, 4));
        var raw = _folder.Write("rows.f32", MemoryMarshal.AsBytes<float>(Values).ToArray());

        var fromArray = await CalibrationSamples.FromFilesAsync(_model, [array], rows, Token);
        var fromRaw = await CalibrationSamples.FromRawFileAsync(_model, raw, rows, Token);

        Assert.Equal(expected, fromArray.Count());
        Assert.Equal(Values, fromArray.SelectMany(Elements));
        Assert.Equal(Values, fromRaw.SelectMany(Elements));
    }

    [Fact]
    public async Task FromFiles_EnumeratedAgain_ReadsTheFilesAnew()
    {
        var array = _folder.Write("rows.npy", Npy.Of(Values, 3, 4));
        var samples = await CalibrationSamples.FromFilesAsync(_model, [array], cancellationToken: Token);
        _folder.Write("rows.npy", Npy.Of([.. Values, 13, 14, 15, 16], 4, 4));
        Assert.Equal(4, samples.Count());
    }

    [Fact]
    public async Task FromFiles_Missing_IsRefusedAtOnce()
    {
        var missing = await Assert.ThrowsAsync<QuantizationException>(
            () => CalibrationSamples.FromFilesAsync(_model, [_folder["none.npy"]], cancellationToken: Token));
        Assert.Equal(QuantizationFailure.UnreadableSamples, missing.Failure);
        var torn = await Assert.ThrowsAsync<QuantizationException>(
            () => CalibrationSamples.FromRawFileAsync(_model, _folder.Write("torn.f32", new byte[17]), cancellationToken: Token));
        Assert.Contains("does not hold whole rows", torn.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => CalibrationSamples.FromFilesAsync(_model, [_folder["none.npy"]], 0, Token));
    }

    [Fact]
    public async Task CreateRandom_SameSeed_GivesTheSame()
    {
        var first = await CalibrationSamples.CreateRandomAsync(_model, 3, 7, Token);
        var again = await CalibrationSamples.CreateRandomAsync(_model, 3, 7, Token);
        var other = await CalibrationSamples.CreateRandomAsync(_model, 3, 8, Token);
        Assert.Equal(3, first.Count);
        Assert.Equal(first.SelectMany(Elements), again.SelectMany(Elements));
        Assert.NotEqual(first.SelectMany(Elements), other.SelectMany(Elements));
    }

    [Fact]
    public async Task DecideNodes_Fp32_NamesWhatWouldBeQuantized()
    {
        var model = _folder.Write("large.onnx", OnnxModel.Mlp(1, 256, 512, 2));
        var decisions = await OnnxQuantizer.DecideNodesAsync(model, Token);
        Assert.Equal(
            [("Gemm", true), ("Relu", false), ("Gemm", false)],
            decisions.Select(static decision => (decision.OpType, decision.IsQuantized)));
        Assert.Empty(await OnnxQuantizer.FindSlowNodesAsync(model, Token));
    }

    [Fact]
    public void OfThisMachine_IsDescribed()
    {
        var machine = MachineDescription.OfThisMachine(2);
        Assert.Equal((Environment.ProcessorCount, 2), (machine.Cores, machine.Threads));
        Assert.Throws<ArgumentOutOfRangeException>(() => MachineDescription.OfThisMachine(0));
    }

    public void Dispose() => _folder.Dispose();

    private static float[] Elements(PredictionInputs inputs) => inputs[0].AsSpan<float>().ToArray();
}
