using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Weights in other files: refused unless allowed, and never read from outside the model's own folder.</summary>
public sealed class ExternalDataTests : IDisposable
{
    private static readonly OnnxModelOptions Allowed = new() { AllowExternalData = true };

    private readonly string _outer = Directory.CreateTempSubdirectory("mlserve-").FullName;
    private readonly string _folder;

    public ExternalDataTests()
    {
        _folder = Path.Combine(_outer, "model");
        Directory.CreateDirectory(Path.Combine(_folder, "sub"));
        WriteWeights(Path.Combine(_folder, "w.bin"), 10);
        WriteWeights(Path.Combine(_folder, "sub", "w.bin"), 20);
        WriteWeights(Path.Combine(_outer, "secret.bin"), 30);
    }

    public void Dispose() => Directory.Delete(_outer, recursive: true);

    [Fact]
    public void Load_ByDefault_RefusesAndNamesTheOption()
    {
        var exception = Refused("w.bin", new());
        Ask.Says(exception.Message, "'w' in 'w.bin'", "AllowExternalData", "1 in all");
    }

    [Theory]
    [InlineData("w.bin", 10)]
    [InlineData("sub/w.bin", 20)]
    [InlineData("./sub/../w.bin", 10)]
    public void Load_AllowedInOwnFolder_ReadsTheWeights(string location, float weight)
    {
        using var predictor = OnnxPredictor.Load(Write(location), Allowed);
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2 }));
        Assert.Equal([weight, 2 * weight], prediction.EnsureOk()["y"].ToArray<float>());
    }

    [Theory]
    [InlineData("../secret.bin")]
    [InlineData("sub/../../secret.bin")]
    [InlineData("sub/../../model2/../secret.bin")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a\0b")]
    public void Load_LocationLeadsOut_IsRefused(string location) =>
        Ask.Says(Refused(location, Allowed).Message, "outside", "look at where the model comes from");

    [Fact]
    public void Load_AbsoluteLocation_IsRefusedEvenInsideTheFolder()
    {
        Ask.Says(Refused(Path.Combine(_outer, "secret.bin"), Allowed).Message, "outside");
        Ask.Says(Refused(Path.Combine(_folder, "w.bin"), Allowed).Message, "outside");
    }

    [Fact]
    public void Load_FolderWhoseNameBeginsAlike_IsOutside()
    {
        Directory.CreateDirectory(Path.Combine(_outer, "model-evil"));
        WriteWeights(Path.Combine(_outer, "model-evil", "w.bin"), 1);
        Ask.Says(Refused("../model-evil/w.bin", Allowed).Message, "outside");
    }

    [Theory]
    [InlineData("link.bin", "../secret.bin")]
    [InlineData("relay", "..")]
    public void Load_SymbolicLinkOutOfTheFolder_IsRefused(string link, string target)
    {
        File.CreateSymbolicLink(Path.Combine(_folder, link), target);
        Ask.Says(Refused(link == "relay" ? "relay/secret.bin" : link, Allowed).Message, "outside");
    }

    [Fact]
    public void Load_AbsoluteSymbolicLinkOutOverASecondOne_IsRefused()
    {
        File.CreateSymbolicLink(Path.Combine(_folder, "first"), "second");
        File.CreateSymbolicLink(Path.Combine(_folder, "second"), Path.Combine(_outer, "secret.bin"));
        Ask.Says(Refused("first", Allowed).Message, "outside");
    }

    [Fact]
    public void Load_SymbolicLinksInACircle_AreRefused()
    {
        File.CreateSymbolicLink(Path.Combine(_folder, "a"), "b");
        File.CreateSymbolicLink(Path.Combine(_folder, "b"), "a");
        Refused("a", Allowed);
    }

    [Fact]
    public void Load_SymbolicLinkWithinTheFolder_IsFollowed()
    {
        File.CreateSymbolicLink(Path.Combine(_folder, "near.bin"), "sub/w.bin");
        using var predictor = OnnxPredictor.Load(Write("near.bin"), Allowed);
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2 }));
        Assert.Equal([20, 40], prediction.EnsureOk()["y"].ToArray<float>());
    }

    [Fact]
    public void Load_FolderReachedOverASymbolicLink_IsItsOwn()
    {
        var path = Write("w.bin");
        Directory.CreateSymbolicLink(Path.Combine(_outer, "alias"), _folder);
        using var predictor = OnnxPredictor.Load(Path.Combine(_outer, "alias", Path.GetFileName(path)), Allowed);
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2 }));
        Assert.Equal([10, 20], prediction.EnsureOk()["y"].ToArray<float>());
    }

    [Fact]
    public void Load_FileIsMissing_NamesItAndTheFolder() =>
        Ask.Says(Refused("gone.bin", Allowed).Message, "'gone.bin'", _folder, "no such file", "beside the model");

    [Fact]
    public void Load_FileIsTooShort_IsALoadException()
    {
        File.WriteAllBytes(Path.Combine(_folder, "short.bin"), [1]);
        Assert.Throws<ModelLoadException>(() => OnnxPredictor.Load(Write("short.bin"), Allowed));
    }

    [Fact]
    public void Load_FromMemory_SaysThatThereIsNoFolder()
    {
        var exception = Assert.Throws<ModelLoadException>(() => Model("w.bin").Load(Allowed));
        Assert.Equal(ModelLoadFailure.ExternalData, exception.Failure);
        Ask.Says(exception.Message, "no folder", "Load it from a file");
    }

    [Fact]
    public async Task Load_SourceNamesItsFolderWithASeparatorAtTheEnd_IsTheSameFolder()
    {
        var source = new FolderSource(new(Model("w.bin").ToArray(), "registry", _folder + Path.DirectorySeparatorChar));
        await using var predictor = await OnnxPredictor.LoadAsync(
            source, Allowed, cancellationToken: TestContext.Current.CancellationToken);
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2 }));
        Assert.Equal([10, 20], prediction.EnsureOk()["y"].ToArray<float>());
    }

    [Fact]
    public void Load_WithACacheOfOptimizedModels_SeesNewWeights()
    {
        // The digest does not cover other files: a cache by digest would go on serving the old weights.
        var options = new OnnxModelOptions { AllowExternalData = true, OptimizedModelCacheFolder = Path.Combine(_outer, "cache") };
        var path = Write("w.bin");
        OnnxPredictor.Load(path, options).Dispose();
        WriteWeights(Path.Combine(_folder, "w.bin"), 11);
        using var predictor = OnnxPredictor.Load(path, options);
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2 }));
        Assert.Equal([11, 22], prediction.EnsureOk()["y"].ToArray<float>());
    }

    private static void WriteWeights(string path, float weight) =>
        File.WriteAllBytes(path, MemoryMarshal.AsBytes<float>(Enumerable.Repeat(weight, 1024).ToArray()).ToArray());

    private static TinyOnnx Model(string location) => new TinyOnnx().Input("x", ElementType.Float, "N", 2)
        .ExternalWeight("w", location, 2).Node("Mul", "x w", "y").Output("y", ElementType.Float, "N", 2);

    private string Write(string location)
    {
        var path = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(path, Model(location).ToArray());
        return path;
    }

    private ModelLoadException Refused(string location, OnnxModelOptions options)
    {
        var exception = Assert.Throws<ModelLoadException>(() => OnnxPredictor.Load(Write(location), options));
        Assert.True(exception.Failure == ModelLoadFailure.ExternalData, $"{exception.Failure}: {exception.Message}");
        return exception;
    }

    private sealed class FolderSource(ModelContent content) : IModelSource
    {
        public ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default) => new(content);
    }
}
