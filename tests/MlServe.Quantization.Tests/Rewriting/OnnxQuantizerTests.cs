using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Rewriting;

public sealed class OnnxQuantizerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlserve-rewrite-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Source => Path.Combine(_folder, "source.onnx");

    private string Destination => Path.Combine(_folder, "destination.onnx");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task QuantizeDynamicAsync_Model_IsWrittenAndReported()
    {
        await WriteAsync(OnnxModel.Mlp(1, 300, 300, 10));
        var report = await OnnxQuantizer.QuantizeDynamicAsync(Source, Destination, null, Token);
        Assert.Equal(new FileInfo(Source).Length, report.SourceBytes);
        Assert.Equal(new FileInfo(Destination).Length, report.Bytes);
        Assert.Equal([true, false], report.Decisions.Select(static decision => decision.IsQuantized));
        Assert.Contains("1 of 2 nodes", report.ToString(), StringComparison.Ordinal);
        Assert.Contains("3000 multiplications", report.ToString(), StringComparison.Ordinal);
        Assert.Contains("\"sourceBytes\"", report.ToJson(), StringComparison.Ordinal);
        Assert.Equal(64, report.Plan.SourceDigest.Length);
        Assert.NotEqual(CpuTarget.Auto, report.Plan.Target);
        var first = await File.ReadAllBytesAsync(Destination, Token);
        await OnnxQuantizer.QuantizeDynamicAsync(Source, Destination, null, Token);
        Assert.Equal(first, await File.ReadAllBytesAsync(Destination, Token));
    }

    [Theory]
    [InlineData(QuantizationMethod.Int8Storage)]
    [InlineData(QuantizationMethod.Fp16Storage)]
    [InlineData(QuantizationMethod.NBits8)]
    [InlineData(QuantizationMethod.NBits4)]
    public async Task QuantizeWeightsAsync_Model_IsWrittenSmaller(QuantizationMethod method)
    {
        await WriteAsync(OnnxModel.Mlp(1, 300, 300, 10));
        var report = await OnnxQuantizer.QuantizeWeightsAsync(Source, Destination, new() { Method = method }, Token);
        Assert.InRange(new FileInfo(Destination).Length / (double)new FileInfo(Source).Length, 0.1, 0.6);
        Assert.Equal(method, report.Plan.Method);
    }

    [Fact]
    public async Task QuantizeDynamicAsync_Refused_WritesNothing()
    {
        await WriteAsync(SmallModels.Conv());
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.QuantizeDynamicAsync(Source, Destination, null, Token));
        Assert.Equal(QuantizationFailure.NothingToQuantize, exception.Failure);
        exception = await Assert.ThrowsAsync<QuantizationException>(() => OnnxQuantizer.QuantizeDynamicAsync(Source, Source, null, Token));
        Assert.Equal(QuantizationFailure.Destination, exception.Failure);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            OnnxQuantizer.QuantizeDynamicAsync(Source, Destination, null, new CancellationToken(canceled: true)));
        await File.WriteAllBytesAsync(Source, [1, 2, 3], Token);
        exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.QuantizeDynamicAsync(Source, Destination, null, Token));
        Assert.Equal(QuantizationFailure.Unreadable, exception.Failure);
        Assert.Single(Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task QuantizeDynamicAsync_UnknownExcludedNode_NamesThoseThereAre()
    {
        await WriteAsync(OnnxModel.Mlp(1, 300, 300, 10));
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.QuantizeDynamicAsync(Source, Destination, new() { ExcludedNodes = ["nobody"] }, Token));
        Assert.Equal(QuantizationFailure.InvalidOptions, exception.Failure);
        Assert.Contains("'nobody'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("'s1'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuantizeAsync_OptionsAreNotValid_NamesAllFaults()
    {
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.QuantizeWeightsAsync(
                Source, Destination, new() { Method = QuantizationMethod.Static, BlockSize = 48, MinMultiplications = -1 }, Token));
        Assert.Contains("Method is Static", exception.Message, StringComparison.Ordinal);
        Assert.Contains("BlockSize is 48", exception.Message, StringComparison.Ordinal);
        Assert.Contains("MinMultiplications is -1", exception.Message, StringComparison.Ordinal);
        exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.QuantizeDynamicAsync(Source, Destination, new() { Target = (CpuTarget)9, MinMultiplications = -1 }, Token));
        Assert.Contains("Target is 9", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_Defaults_AreWhatTheDocumentationSays()
    {
        var dynamic = new DynamicQuantizationOptions();
        Assert.Equal(
            (CpuTarget.Auto, true, 65_536L, 0),
            (dynamic.Target, dynamic.PerChannel, dynamic.MinMultiplications, dynamic.ExcludedNodes.Count));
        var weights = new WeightQuantizationOptions();
        Assert.Equal(
            (QuantizationMethod.Int8Storage, true, 128, 65_536L, 0),
            (weights.Method, weights.PerChannel, weights.BlockSize, weights.MinMultiplications, weights.ExcludedNodes.Count));
        Assert.Empty(dynamic.Validate().Concat(weights.Validate()));
    }

    private Task WriteAsync(byte[] model) => File.WriteAllBytesAsync(Source, model, Token);
}
