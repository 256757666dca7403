using System.Text.Json;
using MlServe.Quantization.Model;
using Xunit;

namespace MlServe.Quantization.Preprocessing;

public sealed class OnnxQuantizerPreprocessTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlserve-test-");

    private string Source => Path.Combine(_folder.FullName, "source.onnx");

    private string Destination => Path.Combine(_folder.FullName, "destination.onnx");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task PreprocessAsync_AModel_IsWrittenAndReported()
    {
        var model = new TestGraph(9).Input(
            "x", 2).Node("Clip", "x", "y", Nodes.Float("min", 0), Nodes.Float("max", 6)).Node("Neg", "x", "dead").Output("y").Model;
        await File.WriteAllBytesAsync(Source, OnnxFile.ToBytes(model), TestContext.Current.CancellationToken);
        var report = await OnnxQuantizer.PreprocessAsync(Source, Destination, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((2, 1), (report.NodesBefore, report.NodesAfter));
        Assert.Equal(new FileInfo(Destination).Length, report.BytesAfter);
        Assert.Contains("Raised the operator set from 9 to 13; rewrote 1 Clip.", report.Steps);
        Assert.Contains("- Raised", report.ToString(), StringComparison.Ordinal);
        using var json = JsonDocument.Parse(report.ToJson());
        Assert.Equal(2, json.RootElement.GetProperty("nodesBefore").GetInt32());
    }

    [Fact]
    public async Task PreprocessAsync_NothingToDo_WritesTheSameBytes()
    {
        // Packed attributes, as another writer makes them: equal, and not what this writer would make.
        var path = SharedData.PathOf("models/tabular/mlnet_breastcancer_lr.onnx");
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        var document = OnnxDocument.Read(new(bytes, path));
        Assert.Equal(bytes, document.ToBytes(document.Model.Clone()).ToArray());
        var model = new TestGraph().Input("x", 2).Node("Relu", "x", "y").Output("y").Model;
        await File.WriteAllBytesAsync(Source, OnnxFile.ToBytes(model), TestContext.Current.CancellationToken);
        var report = await OnnxQuantizer.PreprocessAsync(Source, Destination, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains("Nothing was to do.", report.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            await File.ReadAllBytesAsync(Source, TestContext.Current.CancellationToken),
            await File.ReadAllBytesAsync(Destination, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task PreprocessAsync_DestinationIsTheSource_IsRefused()
    {
        await File.WriteAllBytesAsync(Source, OnnxFile.ToBytes(new TestGraph().Model), TestContext.Current.CancellationToken);
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.PreprocessAsync(Source, Source, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(QuantizationFailure.Destination, exception.Failure);
    }

    [Fact]
    public async Task PreprocessAsync_Cancelled_LeavesNoFile()
    {
        await File.WriteAllBytesAsync(
            Source, OnnxFile.ToBytes(new TestGraph().Input("x", 2).Node("Relu", "x", "y").Output("y").Model),
            TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            OnnxQuantizer.PreprocessAsync(Source, Destination, null, new(canceled: true)));
        Assert.Equal([Source], Directory.GetFiles(_folder.FullName));
    }

    [Fact]
    public async Task PreprocessAsync_NoSuchFile_IsUnreadable()
    {
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.PreprocessAsync(Source, Destination, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(QuantizationFailure.Unreadable, exception.Failure);
    }
}
