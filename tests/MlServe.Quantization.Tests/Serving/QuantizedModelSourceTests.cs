using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using MlServe.Onnx;
using MlServe.Quantization.Rewriting;
using Xunit;

namespace MlServe.Quantization.Serving;

public sealed class QuantizedModelSourceTests : IDisposable
{
    private static readonly byte[] Model = SmallModels.MatMul(rows: 512, columns: 256);

    private readonly TemporaryFolder _folder = new();
    private readonly FakeLogCollector _log = new();

    [Fact]
    public void Options_Default_AreThoseOfThePage()
    {
        var options = new ModelQuantizationOptions();

        Assert.True(options.Enabled);
        Assert.False(options.Required);
        Assert.Null(options.CacheFolder);
        Assert.Null(options.SamplesVersion);
        Assert.Null(options.OnReport);
        Assert.Equal(new QuantizationOptions(), options.Options);
        Assert.EndsWith(Path.Combine("MlServe", "quantized"), QuantizationCache.DefaultFolder(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadAsync_GatePassed_ServesTheQuantizedModelAndFindsItAtTheNextStart()
    {
        var reports = new List<QuantizationReport>();
        var first = Passing();
        first.SamplesVersion = "1";
        first.OnReport = reports.Add;
        var made = await ReadAsync(first);

        // Who finds the entry does not ask for a sample.
        var second = Passing(NoSamples());
        second.SamplesVersion = "1";
        second.OnReport = reports.Add;
        var found = await ReadAsync(second);

        Assert.NotEqual(Model, made.Bytes);
        Assert.Equal(made.Bytes, found.Bytes);
        Assert.Contains("Static by MlServe", found.Origin, StringComparison.Ordinal);
        Assert.Equal([7000, 7001, 7001], Events());
        Assert.Equal(2, _folder.Files.Count());
        Assert.Equal(2, reports.Count);
        Assert.Equal(reports[0].ToJson(), reports[1].ToJson());
        await using var predictor = await OnnxPredictor.LoadAsync(
            ModelSource.FromBytes(found.Bytes), cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(predictor.Signature.IsBatchable);
    }

    [Fact]
    public async Task ReadAsync_OtherSamplesOrOptionsOrModel_AreOtherEntries()
    {
        await ReadAsync(Passing());
        await ReadAsync(Passing(Samples(seed: 8)));
        var options = Passing();
        options.Options = options.Options with { PerChannel = false };
        await ReadAsync(options);
        await ReadAsync(Passing(), SmallModels.MatMul(SmallModels.Random(512 * 256, seed: 9), 512, 256));

        Assert.Equal(4, _folder.Files.Count(static file => file.EndsWith(".json", StringComparison.Ordinal)));
        Assert.Equal(4, Events().Count(static id => id == 7000));
    }

    [Theory]
    [InlineData(".onnx", 100)]
    [InlineData(".onnx", 0)]
    [InlineData(".json", 100)]
    [InlineData(".json", 0)]
    public async Task ReadAsync_EntryCutShort_IsMadeAnew(string extension, int length)
    {
        var made = await ReadAsync(Passing());
        using (var file = File.OpenWrite(_folder[_folder.Files.Single(file => file.EndsWith(extension, StringComparison.Ordinal))]))
            file.SetLength(length);

        var again = await ReadAsync(Passing());

        Assert.Equal(made.Bytes, again.Bytes);
        Assert.Equal([7000, 7001, 7003, 7000, 7001], Events());
        Assert.Equal(2, _folder.Files.Count());
        await ReadAsync(Passing());
        Assert.Equal(7001, Events()[^1]);
        Assert.Equal(6, Events().Count);
    }

    [Theory]
    [InlineData("""{ "model": "../outside.onnx", "digest": "" }""")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[1, 2")]
    public async Task ReadAsync_EntryOfOtherContent_IsMadeAnew(string json)
    {
        var made = await ReadAsync(Passing());
        await File.WriteAllTextAsync(
            _folder[_folder.Files.Single(static file => file.EndsWith(".json", StringComparison.Ordinal))], json,
            TestContext.Current.CancellationToken);

        Assert.Equal(made.Bytes, (await ReadAsync(Passing())).Bytes);
        Assert.Contains(7003, Events());
    }

    [Fact]
    public async Task ReadAsync_GateNotPassed_ServesTheSourceWithOneWarningAndRemembersIt()
    {
        ModelQuantizationOptions Failing(IEnumerable<PredictionInputs> samples) =>
            Passing(samples, new() { MinSpeedup = 1000 }, GateFailureAction.Throw);
        var first = Failing(Samples());
        first.SamplesVersion = "1";
        Assert.Equal(Model, (await ReadAsync(first)).Bytes);
        var second = Failing(NoSamples());
        second.SamplesVersion = "1";
        Assert.Equal(Model, (await ReadAsync(second)).Bytes);

        Assert.Equal([7000, 7002, 7002], Events());
        Assert.Contains("asked 1000", _log.LatestRecord.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadAsync_SpeedWasInDoubt_IsTriedAgainAndServedOncePassed()
    {
        var made = await ReadAsync(Passing());
        await ReplaceEntryAsync(new() { Reason = "speed", IsCloseCall = true });

        var again = await ReadAsync(Passing());

        Assert.Equal(made.Bytes, again.Bytes);
        Assert.Equal([7000, 7001, 7005, 7001], Events());
        Assert.Equal(made.Bytes, (await ReadAsync(Passing())).Bytes);
        Assert.Equal(7001, Events()[^1]);
        Assert.Equal(5, Events().Count);
    }

    [Theory]
    [InlineData(true, 3)]
    [InlineData(false, 1)]
    public async Task ReadAsync_SpeedWasInDoubtTooOftenOrNotAtAll_IsNotTriedAgain(bool isCloseCall, int tries)
    {
        await ReadAsync(Passing());
        await ReplaceEntryAsync(new() { Reason = "speed", IsCloseCall = isCloseCall, Tries = tries });

        Assert.Equal(Model, (await ReadAsync(Passing())).Bytes);
        Assert.Equal([7000, 7001, 7002], Events());
    }

    [Fact]
    public async Task ReadAsync_SpeedWasInDoubtAndIsNoLonger_IsNotTriedAThirdTime()
    {
        var options = Passing(Samples(), new() { MinSpeedup = 1000 }, GateFailureAction.Throw);
        await ReadAsync(options);
        await ReplaceEntryAsync(new() { Reason = "speed", IsCloseCall = true });

        for (var start = 0; start < 2; start++)
            Assert.Equal(Model, (await ReadAsync(options)).Bytes);
        Assert.Equal([7000, 7002, 7005, 7002, 7002], Events());
    }

    [Fact]
    public async Task ReadAsync_SpeedWasInDoubtAndTheSamplesAreGone_KeepsWhatWasFoundAndTriesNoMoreThanThreeTimes()
    {
        static IEnumerable<PredictionInputs> Gone() => throw new InvalidOperationException("the samples are gone");
        ModelQuantizationOptions Options(IEnumerable<PredictionInputs> samples)
        {
            var options = Passing(samples);
            options.SamplesVersion = "1";
            return options;
        }

        await ReadAsync(Options(Samples()));
        await ReplaceEntryAsync(new() { Reason = "speed", IsCloseCall = true });
        for (var start = 0; start < 4; start++)
            Assert.Equal(Model, (await ReadAsync(Options(Deferred(Gone)))).Bytes);

        Assert.Equal([7000, 7001, 7005, 7006, 7002, 7005, 7006, 7002, 7002, 7002], Events());
        Assert.EndsWith("quantized: speed", _log.LatestRecord.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadAsync_SpeedWasInDoubtAndTheFolderTakesNothing_TheFirstVerdictStands()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Whoever is privileged writes to what is read-only.");
        if (OperatingSystem.IsWindows()) return;
        await ReadAsync(Passing());
        await ReplaceEntryAsync(new() { Reason = "speed", IsCloseCall = true });
        File.SetUnixFileMode(_folder.Folder, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            Assert.Equal(Model, (await ReadAsync(Passing())).Bytes);
            Assert.Equal([7000, 7001, 7002], Events());
        }
        finally
        {
            File.SetUnixFileMode(_folder.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ReadAsync_SamplesThatAreNoTensors_AreRefusedAndNothingIsKept(bool isMap)
    {
        // The entry's name does not tell such samples apart, and need not.
        var input = isMap
            ? PredictionInput.MapOf("x", new Dictionary<long, float> { [1] = 2 })
            : PredictionInput.SequenceOf("x", PredictionInput.Tensor("", new float[] { 1 }));

        Assert.Equal(Model, (await ReadAsync(Passing([PredictionInputs.Row(input)]))).Bytes);
        Assert.Equal([7000, 7002], Events());
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public async Task ReadAsync_OnlyStorageIsLeft_ServesTheSource()
    {
        var options = Passing(Samples(), new() { MinSpeedup = 1000, MinSpeed = 0, MinAgreement = null }, GateFailureAction.Int8Storage);

        Assert.Equal(Model, (await ReadAsync(options)).Bytes);
        Assert.Equal([7000, 7002], Events());
    }

    [Fact]
    public async Task ReadAsync_NoSamples_ServesTheSourceAndSaysSo()
    {
        Assert.Equal(Model, (await ReadAsync(new() { CacheFolder = _folder.Folder })).Bytes);
        Assert.Equal([7002], Events());
        Assert.Contains("CalibrateWith", _log.LatestRecord.Message, StringComparison.Ordinal);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public async Task ReadAsync_NoSamplesAndDynamicAskedFor_ServesIt()
    {
        var options = new ModelQuantizationOptions
        {
            CacheFolder = _folder.Folder,
            Options = Lenient(new() { Method = QuantizationMethod.Dynamic }),
        };

        Assert.NotEqual(Model, (await ReadAsync(options)).Bytes);
        Assert.Equal([7000, 7001], Events());
    }

    [Fact]
    public async Task ReadAsync_DynamicWasChosenForIt_ServesTheSource()
    {
        var model = SmallModels.Lstm();
        IEnumerable<PredictionInputs> samples = [.. Enumerable.Range(0, 8)
            .Select(static _ => PredictionInputs.Rows(PredictionInput.Tensor("x", SmallModels.Random(4 * 2 * 32), [4, 2, 32])))];

        Assert.Equal(model, (await ReadAsync(Passing(samples), model)).Bytes);
        Assert.Equal([7000, 7002], Events());
    }

    [Fact]
    public async Task ReadAsync_SamplesThrow_ServesTheSourceAndLogsTheException()
    {
        static IEnumerable<PredictionInputs> Broken()
        {
            yield return PredictionInputs.Row(new float[512]);
            throw new InvalidOperationException("the database is away");
        }

        Assert.Equal(Model, (await ReadAsync(Passing(Broken()))).Bytes);
        Assert.Contains("the database is away", _log.LatestRecord.Message, StringComparison.Ordinal);
        Assert.IsType<InvalidOperationException>(_log.LatestRecord.Exception);
    }

    [Fact]
    public async Task ReadAsync_SamplesOfAWrongShape_ServesTheSource()
    {
        Assert.Equal(Model, (await ReadAsync(Passing([PredictionInputs.Row(new float[3])]))).Bytes);
        Assert.Contains("does not fit the model", _log.LatestRecord.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadAsync_Required_FailsTheLoad()
    {
        var options = Passing(Samples(), new() { MinSpeedup = 1000 }, GateFailureAction.Throw);
        options.Required = true;

        var exception = await Assert.ThrowsAsync<ModelLoadException>(() => ReadAsync(options));

        Assert.Contains("asked 1000", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadAsync_NotEnabled_ServesTheSource()
    {
        var options = Passing();
        options.Enabled = false;

        Assert.Equal(Model, (await ReadAsync(options)).Bytes);
        Assert.Empty(Events());
    }

    [Fact]
    public async Task ReadAsync_NoModel_LeavesItToTheLoad()
    {
        var bytes = new byte[] { 1, 2, 3 };

        Assert.Equal(bytes, (await ReadAsync(Passing(), bytes)).Bytes);
        Assert.Empty(Events());
    }

    [Fact]
    public async Task ReadAsync_Cancelled_ThrowsAndLeavesNothing()
    {
        using var cancellation = new CancellationTokenSource();
        var options = Passing();
        options.Options = options.Options with { Progress = new AtStage(QuantizationStage.Measuring, cancellation.Cancel) };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Source(options, Model).ReadAsync(cancellation.Token).AsTask());

        Assert.Empty(_folder.Files);
        Assert.DoesNotContain(7002, Events());
    }

    [Fact]
    public async Task ReadAsync_SeveralAtOnce_EachServesWhatPassed()
    {
        var contents = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => ReadAsync(Passing()))));

        Assert.All(contents, static content => Assert.NotEqual(Model, content.Bytes));
        Assert.Equal(2, _folder.Files.Count());
        Assert.NotEqual(Model, (await ReadAsync(Passing(), Model)).Bytes);
        Assert.DoesNotContain(7003, Events());
    }

    [Fact]
    public async Task ReadAsync_FolderCannotBeMade_ServesTheQuantizedModelAndSaysSo()
    {
        var options = Passing();
        options.CacheFolder = Path.Combine(_folder.Write("file", [1]), "below");

        Assert.NotEqual(Model, (await ReadAsync(options)).Bytes);
        Assert.Equal([7004, 7001], Events());
    }

    [Fact]
    public async Task ReadAsync_FolderTakesNoMore_ServesTheQuantizedModelAndSaysSo()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Paths have another limit here.");
        var options = Passing();

        // Takes a short name, and not that of an entry that is being written.
        options.CacheFolder = _folder.Folder;
        while (options.CacheFolder.Length < 3900)
            options.CacheFolder = Path.Combine(options.CacheFolder, new string('d', 100));
        options.CacheFolder = Path.Combine(options.CacheFolder, new string('e', 4040 - options.CacheFolder.Length - 1));
        Report? told = null;
        options.OnReport = report => told = new(report.Destination);

        Assert.NotEqual(Model, (await ReadAsync(options)).Bytes);
        Assert.Equal([7000, 7004, 7001], Events());
        Assert.Equal(new("memory"), told);
        Assert.Empty(Directory.EnumerateFiles(options.CacheFolder));
    }

    [Fact]
    public async Task ReadAsync_FolderIsReadOnlyAndHasTheEntry_ServesWhatItHolds()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Whoever is privileged writes to what is read-only.");
        if (OperatingSystem.IsWindows()) return;
        var made = await ReadAsync(Passing());
        File.SetUnixFileMode(_folder.Folder, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            Assert.Equal(made.Bytes, (await ReadAsync(Passing())).Bytes);
            Assert.Equal([7000, 7001, 7001], Events());
        }
        finally
        {
            File.SetUnixFileMode(_folder.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Fact]
    public async Task ReadAsync_Reports_NameTheFileThatIsServed()
    {
        var destinations = new List<string>();
        var options = Passing();
        options.OnReport = report => destinations.Add(report.Destination);
        await ReadAsync(options);
        await ReadAsync(options);

        Assert.Equal(
            [.. Enumerable.Repeat(_folder.Files.Single(static file => file.EndsWith(".onnx", StringComparison.Ordinal)), 2)],
            destinations.Select(Path.GetFileName));
        Assert.All(destinations, static destination => Assert.True(File.Exists(destination)));
    }

    public void Dispose() => _folder.Dispose();

    private static QuantizationOptions Lenient(QuantizationOptions options, QuantizationGate? gate = null) =>
        options with { Gate = gate ?? new() { MinSpeedup = 0, MinSpeed = 0, MinAgreement = null } };

    private static PredictionInputs[] Samples(int seed = 7)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 8)
            .Select(_ => PredictionInputs.Row([.. Enumerable.Range(0, 512).Select(_ => random.NextSingle())]))];
    }

    private Task ReplaceEntryAsync(CacheEntry entry) => File.WriteAllBytesAsync(
        _folder[_folder.Files.Single(static file => file.EndsWith(".json", StringComparison.Ordinal))],
        JsonSerializer.SerializeToUtf8Bytes(entry, CacheJson.Default.CacheEntry), TestContext.Current.CancellationToken);

    private static IEnumerable<PredictionInputs> Deferred(Func<IEnumerable<PredictionInputs>> samples)
    {
        foreach (var sample in samples())
            yield return sample;
    }

    private static IEnumerable<PredictionInputs> NoSamples()
    {
        Assert.Fail("The samples were asked for.");
        yield break;
    }

    private ModelQuantizationOptions Passing(
        IEnumerable<PredictionInputs>? samples = null, QuantizationGate? gate = null,
        GateFailureAction action = GateFailureAction.ExcludeNodes) =>
        new ModelQuantizationOptions
        {
            CacheFolder = _folder.Folder,
            Options = Lenient(new() { OnGateFailure = action }, gate),
        }.CalibrateWith(samples ?? Samples());

    private IModelSource Source(ModelQuantizationOptions options, byte[] model) =>
        ModelSource.FromBytes(model)
            .Quantize(
                options, "m",
                LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Trace).AddProvider(new FakeLoggerProvider(_log))));

    private Task<ModelContent> ReadAsync(ModelQuantizationOptions options, byte[]? model = null) =>
        Source(options, model ?? Model).ReadAsync(TestContext.Current.CancellationToken).AsTask();

    private IReadOnlyList<int> Events() => [.. _log.GetSnapshot().Select(static record => record.Id.Id)];

    private sealed record Report(string Destination);

    private sealed class AtStage(QuantizationStage stage, Action action) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value)
        {
            if (value.Stage == stage) action();
        }
    }
}
