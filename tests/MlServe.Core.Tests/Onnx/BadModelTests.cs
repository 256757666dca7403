using MlServe.Onnx.Inspection;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Models that cannot be loaded: each says what is wrong, where, and what to do, and leaves nothing behind.</summary>
public sealed class BadModelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlserve-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Load_NoFile_SaysWhereItLookedAndWhatToDo()
    {
        var path = PathOf("missing.onnx");
        Ask.Says(Refused(path, ModelLoadFailure.NotFound).Message, path, "CopyToOutputDirectory");
    }

    [Fact]
    public void Load_Folder_AsksForAFileInIt() =>
        Ask.Says(Refused(_folder, ModelLoadFailure.NotFound).Message, _folder, "is a folder", ".onnx");

    [Fact]
    public void Load_PathWithZeroCharacter_IsNotFound() => Refused("a\0b.onnx", ModelLoadFailure.NotFound);

    [Fact]
    public void Load_PathLongerThanAnyFileSystemTakes_IsNotFound() => Refused(PathOf(new string('x', 5000)), ModelLoadFailure.NotFound);

    [Fact]
    public void Load_EmptyFile_SaysSo()
    {
        var path = Write("empty.onnx", []);
        Ask.Says(Refused(path, ModelLoadFailure.Empty).Message, path, "no bytes", "default");
    }

    [Fact]
    public void Load_FileCutShort_IsMalformedAtEachLength()
    {
        var whole = TinyModels.Affine().ToArray();
        for (var length = 1; length < whole.Length; length += 7)
        {
            var path = Write("cut.onnx", whole[..length]);
            Ask.Says(Refused(path, ModelLoadFailure.Malformed).Message, path);
        }
    }

    [Theory]
    [InlineData("<html><body>404 Not Found</body></html>")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")]
    [InlineData("PK\u0003\u0004 something zipped")]
    [InlineData("{ \"error\": \"denied\" }")]
    public void Load_NotOnnx_IsMalformed(string content) =>
        Ask.Says(
            Refused(Write("other.onnx", System.Text.Encoding.UTF8.GetBytes(content)), ModelLoadFailure.Malformed).Message, "other.onnx");

    [Fact]
    public void Load_OpsetTooNew_NamesThePackageToUpdate()
    {
        var model = new TinyOnnx(opset: 900).Input("x", ElementType.Float, "N", 2)
            .Node("Neg", "x", "y")
            .Output("y", ElementType.Float, "N", 2);
        Ask.Says(Refused(model, ModelLoadFailure.VersionTooNew).Message, "tiny", "900", "Microsoft.ML.OnnxRuntime", "older opset");
    }

    [Fact]
    public void Load_OpsetOfMlDomainTooNew_IsVersionTooNew()
    {
        var model = new TinyOnnx().Opset("ai.onnx.ml", 900).Input("x", ElementType.Float, "N", 2)
            .Node("Neg", "x", "y").Output("y", ElementType.Float, "N", 2);
        Ask.Says(Refused(model, ModelLoadFailure.VersionTooNew).Message, "ai.onnx.ml");
    }

    [Fact]
    public void Load_IrVersionTooNew_IsVersionTooNew()
    {
        var model = new TinyOnnx(irVersion: 900).Input("x", ElementType.Float, "N", 2)
            .Node("Neg", "x", "y")
            .Output("y", ElementType.Float, "N", 2);
        Ask.Says(Refused(model, ModelLoadFailure.VersionTooNew).Message, "900", "Update the package");
    }

    [Fact]
    public void Load_UnknownOperator_IsInvalidGraph()
    {
        var model = new TinyOnnx().Input("x", ElementType.Float, "N", 2)
            .Node("Frobnicate", "x", "y")
            .Output("y", ElementType.Float, "N", 2);
        Ask.Says(Refused(model, ModelLoadFailure.InvalidGraph).Message, "Frobnicate");
    }

    [Fact]
    public void Load_NodeReadsWhatNobodyWrites_IsInvalidGraph()
    {
        var model = new TinyOnnx().Input("x", ElementType.Float, "N", 2).Node("Add", "x ghost", "y").Output("y", ElementType.Float, "N", 2);
        Ask.Says(Refused(model, ModelLoadFailure.InvalidGraph).Message, "ghost");
    }

    [Fact]
    public void Load_CircleInTheGraph_IsRefused()
    {
        var model = new TinyOnnx().Input("x", ElementType.Float, "N", 2)
            .Node("Add", "x b", "a").Node("Neg", "a", "b").Node("Neg", "b", "y").Output("y", ElementType.Float, "N", 2);
        Assert.NotNull(Record.Exception(() => model.Load()) as ModelLoadException);
    }

    [Fact]
    public void Load_NoOutput_IsALoadException()
    {
        var model = new TinyOnnx().Input("x", ElementType.Float, "N", 2).Node("Neg", "x", "y");
        Assert.IsType<ModelLoadException>(Record.Exception(() => model.Load()));
    }

    [Fact]
    public void Load_DoubledNames_IsALoadException()
    {
        var inputs = new TinyOnnx().Input("x", ElementType.Float, 2)
            .Input("x", ElementType.Float, 2)
            .Node("Neg", "x", "y")
            .Output("y", ElementType.Float, 2);
        Assert.IsType<ModelLoadException>(Record.Exception(() => inputs.Load()));
        var outputs = new TinyOnnx().Input("x", ElementType.Float, 2)
            .Node("Neg", "x", "y")
            .Output("y", ElementType.Float, 2)
            .Output("y", ElementType.Float, 2);
        Assert.IsType<ModelLoadException>(Record.Exception(() => outputs.Load()));
    }

    [Theory]
    [InlineData(OnnxElementType.Float8E4M3FN)]
    [InlineData(OnnxElementType.Float8E5M2)]
    [InlineData(OnnxElementType.Int4)]
    [InlineData(OnnxElementType.UInt4)]
    [InlineData(OnnxElementType.Complex64)]
    [InlineData((OnnxElementType)77)]
    public void Load_ElementTypeThatTheApiDoesNotTake_NamesTheInput(OnnxElementType type)
    {
        var model = new TinyOnnx(opset: 21, irVersion: 10).Input("weird", (int)type, "N", 2)
            .Node("Cast", "weird", "y", TinyOnnx.Int("to", 1)).Output("y", ElementType.Float, "N", 2);
        Ask.Says(Refused(model, ModelLoadFailure.UnsupportedType).Message, "'weird'", type.ToString().ToLowerInvariant(), "Cast to float");

        var output = new TinyOnnx(opset: 21, irVersion: 10).Input("x", ElementType.Float, "N", 2)
            .Node("Cast", "x", "strange", TinyOnnx.Int("to", (int)type)).Output("strange", (int)type, "N", 2);
        Ask.Says(Refused(output, ModelLoadFailure.UnsupportedType).Message, "'strange'");
    }

    [Fact]
    public void Load_SizesThatNoMemoryHolds_LoadsAndRefusesRequests()
    {
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, "N", 1_000_000, 1_000_000, 1_000_000, 1_000_000)
            .Node("Neg", "x", "y").Output("y", ElementType.Float, "N", 1_000_000, 1_000_000, 1_000_000, 1_000_000).Load();
        Assert.False(predictor.Signature.IsBatchable);
        Ask.TheError(predictor, PredictionInputs.Row(new float[8]), PredictionErrorCode.InputLengthMismatch);
        using var empty = Ask.The(predictor, PredictionInputs.Row(Array.Empty<float>()));
        Assert.True(empty.IsOk);
    }

    [Fact]
    public void Load_SizesWhoseProductWrapsAroundToAFew_RefusesRequests()
    {
        // 2^31-1 times 2^31-1 times 4 and so on leaves 64 bits; a request of what is left over must not pass.
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, 1L << 30, 1L << 30, 16, 3)
            .Node("Shape", "x", "y").Output("y", ElementType.Int64, 4).Load();
        foreach (var length in new[] { 0, 1, 3, 16, 48 })
            Ask.TheError(predictor, PredictionInputs.Row(new float[length]), PredictionErrorCode.InputLengthMismatch);
    }

    [Fact]
    public void Load_ManyFreeAxes_DoesNotTryRowsThatTakeAllMemory()
    {
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, "N", "a", "b", "c", "d", "e", "f")
            .Node("Neg", "x", "y").Output("y", ElementType.Float, "N", "a", "b", "c", "d", "e", "f").Load();
        Assert.True(predictor.Signature.IsBatchable, predictor.Signature.BatchingNote);
    }

    [Fact]
    public async Task LoadAsync_SourceGivesNothing_IsNotFound()
    {
        var exception = await Assert.ThrowsAsync<ModelLoadException>(async () =>
            await OnnxPredictor.LoadAsync(new EmptySource(), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(ModelLoadFailure.NotFound, exception.Failure);
    }

    [Fact]
    public async Task LoadAsync_Cancelled_Throws()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        var path = Write("model.onnx", TinyModels.Affine().ToArray());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await OnnxPredictor.LoadAsync(ModelSource.FromFile(path), cancellationToken: cancelled.Token));
    }

    [Fact]
    public void Load_BytesChangeAfterwards_ChangesNothing()
    {
        var bytes = TinyModels.Affine().ToArray();
        using var predictor = Ask.Load(ModelSource.FromBytes(bytes));
        var digest = predictor.GetService<ModelIdentity>()!.Digest;
        Array.Clear(bytes);
        using var prediction = Ask.The(predictor, PredictionInputs.Rows(new float[] { 1, 2, 3, 4, 5, 6, 7, 8 }, 2));
        Assert.Equal([3, 5, 7, 9, 11, 13, 15, 17], prediction.EnsureOk()["y"].ToArray<float>());
        Assert.Equal(64, digest.Length);
        Assert.Equal(digest, prediction.Origin.Model!.Digest);
    }

    [Fact]
    public void Load_FileReplacedAfterwards_ChangesNothing()
    {
        var path = Write("model.onnx", TinyModels.Affine().ToArray());
        using var predictor = OnnxPredictor.Load(path);
        File.WriteAllBytes(path, [1, 2, 3]);
        File.Delete(path);
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2, 3, 4 }));
        Assert.Equal([3, 5, 7, 9], prediction.EnsureOk()["y"].ToArray<float>());
    }

    [Fact]
    public void Load_PartOfAnArray_ReadsOnlyThatPart()
    {
        var bytes = TinyModels.Affine().ToArray();
        var padded = new byte[bytes.Length + 20];
        bytes.CopyTo(padded, 10);
        using var predictor = Ask.Load(ModelSource.FromBytes(padded.AsMemory(10, bytes.Length)));
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[4]));
        Assert.True(prediction.IsOk);
    }

    [Fact]
    public void Load_OptionsOutOfRange_SaysAllThatIsWrong()
    {
        var exception = Assert.Throws<ModelLoadException>(() =>
            TinyModels.Affine().Load(new() { IntraOpThreads = -1, WarmUpRuns = 2000 }, new() { Name = "digits" }));
        Assert.Equal(ModelLoadFailure.InvalidOptions, exception.Failure);
        Ask.Says(exception.Message, "'digits'", "IntraOpThreads is -1", "0 to 1024", "WarmUpRuns is 2000");
    }

    [Fact]
    public void FromFile_NoPath_Throws()
    {
        Assert.Throws<ArgumentNullException>(() => ModelSource.FromFile(null!));
        Assert.Throws<ArgumentException>(() => ModelSource.FromFile(" "));
        Assert.Throws<ArgumentNullException>(() => ModelSource.FromBytes(default, null!));
    }

    private static ModelLoadException Refused(TinyOnnx model, ModelLoadFailure failure)
    {
        var exception = Assert.Throws<ModelLoadException>(() => model.Load());
        Assert.True(failure == exception.Failure, $"{exception.Failure}: {exception.Message}");
        return exception;
    }

    private static ModelLoadException Refused(string path, ModelLoadFailure failure)
    {
        var exception = Assert.Throws<ModelLoadException>(() => OnnxPredictor.Load(path));
        Assert.True(failure == exception.Failure, $"{exception.Failure}: {exception.Message}");
        return exception;
    }

    private string PathOf(string name) => Path.Combine(_folder, name);

    private string Write(string name, byte[] content)
    {
        var path = PathOf(name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private sealed class EmptySource : IModelSource
    {
        public ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default) => new((ModelContent)null!);
    }
}
