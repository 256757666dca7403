using MlServe.Fakes;
using MlServe.Onnx.Profiles;
using MlServe.Onnx.Rows;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>The findings of trials are kept beside the optimized model, and are believed only as far as they are sealed and fit.</summary>
public sealed class ModelProfileTests : IDisposable
{
    private readonly string _folder = Path.Combine(Directory.CreateTempSubdirectory("mlserve-").FullName, "cache");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_folder)!, recursive: true);

    [Fact]
    public void Load_SecondTime_FindsTheSameWithoutTrials()
    {
        var first = Load();
        var second = Load();

        Assert.False(first.FromProfile);
        Assert.True(second.FromProfile);
        Assert.Equal(first, second with { FromProfile = false });
    }

    [Fact]
    public void Load_ModelThatIsNotBatchable_IsRememberedToo()
    {
        var first = Load(model: TinyModels.FixedAffine());
        var second = Load(model: TinyModels.FixedAffine());

        Assert.True(second.FromProfile);
        Assert.Equal(first, second with { FromProfile = false });
        Assert.False(second.IsBatchable);
    }

    /// <summary>Each way in which a file may be no profile of this model: trials are made, and the next load has a profile again.</summary>
    [Theory]
    [InlineData("empty")]
    [InlineData("torn")]
    [InlineData("a bit is another")]
    [InlineData("of another model")]
    [InlineData("not sealed")]
    public void Load_ProfileIsNotSound_IsTriedAgain(string fault)
    {
        var expected = Load();
        var file = Profile();
        var sound = File.ReadAllBytes(file);
        File.WriteAllBytes(file, fault switch
        {
            "empty" => [],
            "torn" => sound[..20],
            "a bit is another" => [(byte)(sound[0] ^ 1), .. sound[1..]],
            "of another model" => OfAnotherModel(),
            _ => "{}"u8.ToArray(),
        });
        var log = new LogList();

        var found = Load(log: log);

        Assert.Equal(expected, found);
        Assert.Contains(log.Entries, static line => line.Id.Name == "CacheEntryUnusable");
        Assert.True(Load().FromProfile);
    }

    [Fact]
    public void Load_ProfileCannotBeWritten_LoadsAllTheSame()
    {
        Load();
        var file = Profile();
        File.Delete(file);
        Directory.CreateDirectory(file);
        Assert.False(Load().FromProfile);
        Assert.Empty(Directory.GetFiles(_folder, "*.tmp"));
    }

    /// <summary>What one load had no time for, because the machine was busy, is not refused for ever.</summary>
    [Fact]
    public void Load_InputsWereLeftUntried_GetTheirTimeAtTheNextLoad()
    {
        var clock = new HurriedClock { IsHurried = true };
        var first = Load(model: TakesAll(), clock: clock);
        clock.IsHurried = false;
        var second = Load(model: TakesAll(), clock: clock);
        var third = Load(model: TakesAll(), clock: clock);

        Assert.StartsWith("None,", first.Kinds, StringComparison.Ordinal);
        Assert.True(second.FromProfile);
        Assert.StartsWith("All,", second.Kinds, StringComparison.Ordinal);
        Assert.Equal(second, third);
        Assert.Equal(Load(new() { BatchTolerance = 1e-3 }, TakesAll()).Kinds, third.Kinds);
    }

    [Fact]
    public void Load_RowIsOneThatThereIsNot_IsTriedAgain()
    {
        var options = new OnnxModelOptions { OptimizedModelCacheFolder = _folder };
        using (var model = TinyModels.Affine().Load())
        {
            var profile = ModelProfile.Of(new(model.Signature, RowEvidence.Proved) { Reason = "r" }, [], 999);
            Assert.NotNull(profile.ToFinding(model.Signature));
            var description = model.GetService<OnnxModelDescription>()!;
            new OptimizedModelCache(description.Identity.Digest, description.RuntimeVersion, options, Assert.Fail).Profiles!.Write(profile);
        }

        var log = new LogList();
        Assert.False(Load(log: log).FromProfile);
        Assert.Contains(log.Entries, static line => line.Text.Contains("does not answer as it did", StringComparison.Ordinal));
    }

    [Fact]
    public void Load_OtherOptions_AreTriedThemselves()
    {
        Load();
        foreach (var options in new OnnxModelOptions[]
        {
            new() { BatchTolerance = 1e-3 },
            new() { BatchAxis = 0 },
            new() { BatchDetection = BatchDetection.None },
            new() { TrialTime = TimeSpan.FromSeconds(1) },
            new() { NonFiniteInputs = new Dictionary<string, NonFiniteValues> { ["x"] = NonFiniteValues.NaN } },
            new() { Optimization = GraphOptimization.Basic },
        })
        {
            Assert.False(Load(options).FromProfile);
            Assert.True(Load(options).FromProfile);
        }
    }

    [Fact]
    public void Load_RowsOfTheUsers_AreTriedEachTime()
    {
        for (var load = 0; load < 2; load++)
        {
            var options = new OnnxModelOptions { SampleInputs = { PredictionInputs.Row(new float[] { 1, 2, 3, 4 }) } };
            Assert.False(Load(options).FromProfile);
        }

        Assert.False(Load(new() { RunAtLoad = false, BatchAxis = 0 }).FromProfile);
    }

    [Fact]
    public void ToFinding_DoesNotFitTheModel_IsNone()
    {
        using var model = TinyModels.Affine().Load();
        var declared = model.Signature;
        var profile = ModelProfile.Of(new(declared, RowEvidence.Proved) { Reason = "r" }, [], 0);
        Assert.NotNull(profile.ToFinding(declared));
        foreach (var wrong in new[]
        {
            profile with { InputAxes = [] },
            profile with { InputAxes = [0, 0] },
            profile with { OutputAxes = [7] },
            profile with { OutputAxes = [-1] },
            profile with { InputKinds = [(NonFiniteValues)64] },
            profile with { OutputKinds = null! },
            profile with { Note = null! },
            profile with { Untried = null! },
            profile with { Row = -1 },
            profile with { RowTolerance = double.NaN },
            profile with { Evidence = (RowEvidence)99 },
        })
            Assert.Null(wrong.ToFinding(declared));
    }

    private string Profile() => Assert.Single(Directory.GetFiles(_folder, "*.profile"));

    private byte[] OfAnotherModel()
    {
        var before = Directory.GetFiles(_folder, "*.profile");
        Load(model: TinyModels.Affine(5));
        var other = Assert.Single(Directory.GetFiles(_folder, "*.profile").Except(before));
        var bytes = File.ReadAllBytes(other);
        File.Delete(other);
        return bytes;
    }

    /// <summary>Answers every number finitely: what is none counts as zero.</summary>
    private static TinyOnnx TakesAll() => new TinyOnnx()
        .Input("x", ElementType.Float, "N", 4)
        .Weight("zero", [0f])
        .Weight("low", [-10f])
        .Weight("high", [10f])
        .Node("IsNaN", "x", "none")
        .Node("Where", "none zero x", "given")
        .Node("Max", "given low", "above")
        .Node("Min", "above high", "y")
        .Output("y", ElementType.Float, "N", 4);

    private Findings Load(
        OnnxModelOptions? options = null, TinyOnnx? model = null, LogList? log = null, TimeProvider? clock = null)
    {
        options ??= new();
        options.OptimizedModelCacheFolder = _folder;
        using var predictor = (model ?? TinyModels.Affine()).Load(
            options, new() { LoggerFactory = log, TimeProvider = clock ?? TimeProvider.System });
        var description = predictor.GetService<OnnxModelDescription>()!;
        var signature = predictor.Signature;
        return new(
            description.FromProfile, signature.IsBatchable, signature.ToString(), string.Join(',', signature.Inputs),
            signature.BatchingNote, signature.RowsAreIndependent,
            string.Join(',', signature.Inputs.Concat(signature.Outputs).Select(static value => value.NonFiniteValues)),
            description.RowEvidence, description.RowEvidenceNode, description.RowRounding);
    }

    /// <summary>As on a machine that others keep busy: each look finds that a second has gone.</summary>
    private sealed class HurriedClock : TimeProvider
    {
        private long _looks;

        public bool IsHurried { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => IsHurried ? Interlocked.Increment(ref _looks) : Volatile.Read(ref _looks);
    }

    private sealed record Findings(
        bool FromProfile, bool IsBatchable, string Signature, string Inputs, string Note, bool RowsAreIndependent, string Kinds,
        RowEvidence Evidence, string? Node, double? Rounding);
}
