using MlServe.Fakes;

namespace MlServe.Onnx;

public sealed class OptimizedModelCacheTests : IDisposable
{
    private readonly string _folder = Path.Combine(Directory.CreateTempSubdirectory("mlserve-").FullName, "cache");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_folder)!, recursive: true);

    [Fact]
    public void Load_SecondTime_ComesFromTheCacheWithTheSameAnswers()
    {
        Assert.False(Load(out var first));
        Assert.Single(Entries());
        Assert.True(Load(out var second));
        Assert.Equal(first, second);
        Assert.Single(Entries());
    }

    [Fact]
    public void Load_ByDefault_WritesNothing()
    {
        TinyModels.Affine().Load().Dispose();
        Assert.False(Directory.Exists(_folder));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public void Load_DamagedEntry_IsReplaced(int length)
    {
        Load(out var expected);
        var entry = Assert.Single(Entries());
        var sound = File.ReadAllBytes(entry);
        File.WriteAllBytes(entry, sound[..length]);
        var log = new LogList();
        Assert.False(Load(out var answer, log: log));
        Assert.Equal(expected, answer);
        Assert.Contains(log.Entries, static line => line.Id.Name == "CacheEntryUnusable");
        Assert.True(Load(out answer));
        Assert.Equal(expected, answer);
        Assert.Single(Entries());
    }

    [Fact]
    public void Load_OtherOptions_AreOtherEntries()
    {
        Load(out _);
        foreach (var options in new OnnxModelOptions[]
        {
            new() { Optimization = GraphOptimization.Basic },
            new() { SessionEntries = { ["session.set_denormal_as_zero"] = "1" } },
            new() { FreeDimensions = { ["N"] = 1 } },
            new() { ExecutionProviders = [new() { Provider = ExecutionProvider.OpenVino }] },
            new() { ExecutionProviders = [new() { Provider = ExecutionProvider.OpenVino, Settings = { ["device_type"] = "CPU" } }] },
            new() { ExecutionProviders = [new() { Provider = ExecutionProvider.OpenVino, DeviceId = 1 }] },
        })
        {
            var before = Entries().Length;
            Assert.False(Load(out _, options));
            Assert.Equal(before + 1, Entries().Length);
            Assert.True(Load(out _, options));
        }
    }

    [Fact]
    public void Load_OtherModel_IsAnotherEntry()
    {
        Load(out _);
        TinyModels.Affine(5).Load(new() { OptimizedModelCacheFolder = _folder }).Dispose();
        Assert.Equal(2, Entries().Length);
    }

    [Fact]
    public void Load_FolderCannotBeMade_NamesIt()
    {
        File.WriteAllText(_folder, "a file");
        var exception = Assert.Throws<ModelLoadException>(() =>
            TinyModels.Affine().Load(new() { OptimizedModelCacheFolder = Path.Combine(_folder, "sub") }));
        Assert.Equal(ModelLoadFailure.InvalidOptions, exception.Failure);
        Ask.Says(exception.Message, "OptimizedModelCacheFolder", _folder);
        exception = Assert.Throws<ModelLoadException>(() => TinyModels.Affine().Load(new() { OptimizedModelCacheFolder = "a\0b" }));
        Assert.Equal(ModelLoadFailure.InvalidOptions, exception.Failure);
    }

    [Fact]
    public void Load_EntryIsAFolder_LoadsWithoutTheCache()
    {
        Load(out var expected);
        var entry = Assert.Single(Entries());
        File.Delete(entry);
        Directory.CreateDirectory(entry);
        Assert.False(Load(out var answer));
        Assert.Equal(expected, answer);
        Assert.Empty(Directory.GetFiles(_folder, "*.tmp"));
    }

    [Fact]
    public void Load_ManyAtOnce_LeaveOneSoundEntry()
    {
        Parallel.For(0, 8, new ParallelOptions { CancellationToken = TestContext.Current.CancellationToken }, _ =>
        {
            Load(out var answer);
            Assert.Equal([3, 5, 7, 9], answer);
        });
        Assert.Single(Entries());
        Assert.Equal(2, Directory.GetFiles(_folder).Length);
        Assert.Single(Directory.GetFiles(_folder, "*.profile"));
        Assert.True(Load(out _));
    }

    [Fact]
    public void Load_ModelIsRefused_LeavesNothingInTheFolder()
    {
        Assert.Throws<ModelLoadException>(() => new TinyOnnx()
            .Input("x", MlServe.Tensors.ElementType.Float, "N").Node("Frobnicate", "x", "y")
            .Output("y", MlServe.Tensors.ElementType.Float, "N")
            .Load(new() { OptimizedModelCacheFolder = _folder }));
        Assert.Empty(Directory.GetFiles(_folder));
    }

    private string[] Entries() => Directory.GetFiles(_folder, "*.onnx");

    private bool Load(out float[] answer, OnnxModelOptions? options = null, LogList? log = null)
    {
        options ??= new();
        options.OptimizedModelCacheFolder = _folder;
        using var predictor = TinyModels.Affine().Load(options, new() { LoggerFactory = log });
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2, 3, 4 }));
        answer = prediction.EnsureOk()["y"].ToArray<float>();
        return predictor.GetService<OnnxModelDescription>()!.FromOptimizedCache;
    }
}
