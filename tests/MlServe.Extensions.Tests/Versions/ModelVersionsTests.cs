using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Microsoft.Extensions.Time.Testing;
using MlServe.Caching;
using MlServe.Onnx;
using MlServe.Resilience;
using MlServe.TestModels;
using Xunit;

namespace MlServe;

/// <summary>How one version of a model takes the place of another.</summary>
public sealed class ModelVersionsTests : IDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly VersionHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task ReloadAsync_FileChanged_IsAnsweredByTheNewOneThroughAllThatWasHadBefore()
    {
        await _test.StartAsync(static model => model.As<float[], float>(
            static (row, writer) => writer.Write<float>(row), static answer => answer["y"].ToScalar<float>()));
        var (predictor, former) = (_test.Predictor, _test.Versions.Live!);
        var door = _test.Services.GetRequiredKeyedService<IPredictor<float[], float>>("m");
        Assert.Same(_test.Versions, predictor.GetService<IModelVersions>());
        Assert.Equal(6, await door.PredictAsync([1, 2, 3], cancellationToken: Token));

        _test.Write("m.onnx", weight: 2);
        var version = await _test.Versions.ReloadAsync(Token);

        Assert.Equal(12, await predictor.SumAsync());
        Assert.Equal(12, await door.PredictAsync([1, 2, 3], cancellationToken: Token));
        Assert.Equal((ModelVersionState.Live, ModelVersionState.Closed), (version.State, former.State));
        Assert.Same(version, Assert.Single(_test.Versions.All));
        Assert.NotEqual(former.Identity.Digest, version.Identity.Digest);
        Assert.Equal(version.Identity, predictor.GetService<ModelIdentity>());
        Assert.Equal(
            [$"{nameof(ModelLoaded)} {former.Identity.Digest}", $"{nameof(ModelReloaded)} {version.Identity.Digest}",
                $"{nameof(ModelVersionClosed)} {former.Identity.Digest}"],
            _test.Events.Select(static what => $"{what.GetType().Name} {what.Version!.Digest}"));
        Assert.Equal(PredictionErrorCode.NotLoaded, (await former.Predictor.ErrorAsync()).Code);
    }

    [Fact]
    public async Task ReloadAsync_NothingChanged_LoadsAnewWithEmptyCacheAndClosedCircuit()
    {
        await _test.StartAsync(static model => model.UseStandardPipeline());
        await _test.Predictor.SumAsync();
        Assert.Equal(6, await _test.Predictor.SumAsync());
        Assert.Equal(1, _test.Predictor.GetService<CacheStatistics>()!.Hits);
        _test.Predictor.GetService<ICircuitBreaker>()!.Isolate();

        await _test.Versions.ReloadAsync(Token);

        using var answer = await _test.Predictor.PredictAsync(Asking.OneTwoThree, cancellationToken: Token);
        Assert.Equal(
            (PredictionSource.Model, CircuitState.Closed), (answer.Origin.Source, _test.Predictor.GetService<ICircuitBreaker>()!.State));
        Assert.Equal(0, _test.Predictor.GetService<CacheStatistics>()!.Hits);
    }

    /// <summary>
    /// With old answers kept across versions, none of them is given for a fresh one: not of another load of the same file either.
    /// </summary>
    [Fact]
    public async Task ReloadAsync_ThereAndBack_GivesNoAnswerOfAnEarlierLoadButAStaleOne()
    {
        await _test.StartAsync(static model => model.UseStandardPipeline().UseCache(static cache => cache.StaleFromOtherVersions = true));
        var once = PredictionInputs.Row(new float[] { 4, 5, 6 });
        using (var first = await _test.Predictor.PredictAsync(once, cancellationToken: Token))
            Assert.Equal(15, first["y"].ToScalar<float>());
        List<(float, PredictionSource)> answers = [];
        foreach (var weight in (float[])[1, 2, 1])
        {
            _test.Write("m.onnx", weight);
            await _test.Versions.ReloadAsync(Token);
            for (var again = 0; again < 2; again++)
            {
                using var answer = await _test.Predictor.PredictAsync(Asking.OneTwoThree, cancellationToken: Token);
                answers.Add((answer["y"].ToScalar<float>(), answer.Origin.Source));
            }
        }

        var (model, cache) = (PredictionSource.Model, PredictionSource.Cache);
        Assert.Equal([(6, model), (6, cache), (12, model), (12, cache), (6, model), (6, cache)], answers);

        // A row that only the first version was asked for.
        await _test.Versions.ReloadAsync(Token);
        _test.Predictor.GetService<ICircuitBreaker>()!.Isolate();
        using var stale = await _test.Predictor.PredictAsync(once, cancellationToken: Token);
        Assert.Equal((15, PredictionSource.StaleCache), (stale["y"].ToScalar<float>(), stale.Origin.Source));
    }

    [Fact]
    public async Task LoadAsync_AnotherPath_StandsBesideUntilItIsPublishedAndBack()
    {
        _test.Write("double.onnx", weight: 2);
        await _test.StartAsync();
        var (versions, first) = (_test.Versions, _test.Versions.Live!);

        var second = await versions.LoadAsync(static options => (options.Path, options.Version) = ("double.onnx", "2"), Token);

        Assert.Equal((ModelVersionState.Standby, "2", 12f), (second.State, second.Identity.Version, await second.Predictor.SumAsync()));
        Assert.Equal(6, await _test.Predictor.SumAsync());
        Assert.Equal([first, second], versions.All);

        await versions.PublishAsync(second, keepFormer: true, Token);
        Assert.Equal(
            (12f, ModelVersionState.Standby, 6f), (await _test.Predictor.SumAsync(), first.State, await first.Predictor.SumAsync()));
        await Assert.ThrowsAsync<InvalidOperationException>(() => versions.UnloadAsync(second, Token));

        await versions.PublishAsync(first, keepFormer: true, Token);
        await versions.UnloadAsync(second, Token);
        await versions.UnloadAsync(second, Token);
        Assert.Equal((6f, ModelVersionState.Live, ModelVersionState.Closed), (await _test.Predictor.SumAsync(), first.State, second.State));
        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => versions.PublishAsync(second, cancellationToken: Token));
        Assert.Contains("is not loaded any more", thrown.Message, StringComparison.Ordinal);
        Assert.Single(_test.Versions.All);
    }

    /// <summary>A check that disposes what it gets must not take it from the next one, nor from who publishes the version.</summary>
    [Fact]
    public async Task Predictor_Disposed_AnswersOn()
    {
        await _test.StartAsync();
        var version = await _test.Versions.LoadAsync(cancellationToken: Token);

        version.Predictor.Dispose();
        await version.Predictor.DisposeAsync();

        Assert.Equal(6, await version.Predictor.SumAsync());
    }

    [Fact]
    public async Task LoadAsync_ASource_TakesThePlaceOfThePath()
    {
        await _test.StartAsync();

        var version = await _test.Versions.LoadAsync(
            static options => options.ReplaceBy(ModelSource.FromBytes(TinyOnnx.WeightedSum(3, 0))), Token);
        await _test.Versions.PublishAsync(version, cancellationToken: Token);

        Assert.Equal(18, await _test.Predictor.SumAsync());
    }

    [Fact]
    public async Task LoadAsync_MoreThanThereMayBe_IsRefused()
    {
        await _test.StartAsync();
        for (var i = 1; i < 8; i++)
            await _test.Versions.LoadAsync(cancellationToken: Token);

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => _test.Versions.ReloadAsync(Token));

        Assert.StartsWith("Model 'm' has 8 versions loaded", thrown.Message, StringComparison.Ordinal);
        await _test.Versions.UnloadAsync(_test.Versions.All[^1], Token);
        await _test.Versions.ReloadAsync(Token);
    }

    [Theory]
    [InlineData("none.onnx", ModelLoadFailure.NotFound)]
    [InlineData("torn.onnx", ModelLoadFailure.Malformed)]
    [InlineData("other.onnx", ModelLoadFailure.InvalidOptions)]
    public async Task ReloadAsync_LoadFails_TheLiveOneGoesOnAndAllAreTold(string file, ModelLoadFailure failure)
    {
        File.WriteAllBytes(Path.Combine(_test.Folder, "torn.onnx"), TinyOnnx.WeightedSum()[..40]);
        File.WriteAllBytes(Path.Combine(_test.Folder, "other.onnx"), OnnxModel.Mlp(1, 4, 3));
        await _test.StartAsync();
        var live = _test.Versions.Live;

        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => _test.Versions.LoadAsync(options => options.Path = file, Token));
        _test.Set(("m:Path", file));
        var again = await Assert.ThrowsAsync<ModelLoadException>(() => _test.Versions.ReloadAsync(Token));

        Assert.Equal((failure, failure), (thrown.Failure, again.Failure));
        Assert.Same(live, Assert.Single(_test.Versions.All));
        Assert.Equal(6, await _test.Predictor.SumAsync());
        Assert.Contains(
            _test.Events, what => what is ModelReloadFailed failed && failed.Exception == again && failed.Version == live!.Identity);
        Assert.All(_test.Logs.GetSnapshot().Where(static log => log.Id.Id == 4014), log => Assert.Equal(
            (LogLevel.Error, null, true), (log.Level, log.Exception, again.Message.EndsWith(
                log.Message[(log.Message.IndexOf("answering: ", StringComparison.Ordinal) + 11)..], StringComparison.Ordinal))));

        // The change loads it anew as well, together with the call or before it.
        Assert.InRange(_test.Logs.GetSnapshot().Count(static log => log.Id.Id == 4014), 2, 3);

        // Once it is right, the same call succeeds.
        _test.Write(file, weight: 2);
        await _test.Versions.ReloadAsync(Token);
        Assert.Equal(12, await _test.Predictor.SumAsync());
    }

    [Fact]
    public async Task ReloadAsync_OptionsNotValid_TheLiveOneGoesOnAndSoDoTheHostsOptions()
    {
        await _test.StartAsync();

        _test.Set(("m:Batching:MaxBatchSize", "-1"), ("m:UseBatching", "true"));
        await Assert.ThrowsAsync<OptionsValidationException>(() => _test.Versions.ReloadAsync(Token));
        await _test.WaitForLogAsync(4012);

        Assert.Equal(6, await _test.Predictor.SumAsync());
        Assert.False(_test.Services.GetRequiredService<IOptionsMonitor<ModelOptions>>().Get("m").UseBatching);
    }

    [Fact]
    public async Task Configuration_OptionChanged_IsLoadedAnewAndTheHostsOptionsSaySo()
    {
        await _test.StartAsync();
        var former = _test.Versions.Live!;

        _test.Set(("m:UseBatching", "true"), ("m:Batching:MaxBatchSize", "7"), ("m:Version", "b"));
        await VersionHost.WaitAsync(() => _test.Versions.Live != former, "the new version");

        Assert.Equal((6f, "b"), (await _test.Predictor.SumAsync(), _test.Versions.Live!.Identity.Version));
        await VersionHost.WaitAsync(() => former.State == ModelVersionState.Closed, "the end of the former one");
        await VersionHost.WaitAsync(
            () => _test.Services.GetRequiredService<IOptionsMonitor<ModelOptions>>().Get("m").Batching.MaxBatchSize == 7, "the options");
    }

    [Fact]
    public async Task Configuration_SaysTheSameInOtherWords_LoadsNothing()
    {
        await _test.StartAsync();
        var live = _test.Versions.Live;

        _test.Set(("m:Version", "1"), ("m:Path", Path.Combine(_test.Folder, "m.onnx")), ("m:Required", "false"));
        await VersionHost.WaitAsync(
            () => !_test.Services.GetRequiredService<IOptionsMonitor<ModelOptions>>().Get("m").Required, "what the host reads");

        Assert.Same(live, _test.Versions.Live);
    }

    [Fact]
    public async Task Configuration_ChangesInQuickSuccession_EndAtTheNewest()
    {
        for (var i = 2; i <= 9; i++)
            _test.Write($"{i}.onnx", weight: i);
        await _test.StartAsync();

        for (var i = 2; i <= 9; i++)
            _test.Set(("m:Path", $"{i}.onnx"));
        for (var i = 2; i <= 3; i++)
            _test.Set(("m:Path", $"{i}.onnx"), ("m:Version", "last"));

        await VersionHost.WaitAsync(() => _test.Versions.Live!.Identity.Version == "last" && _test.Versions.All.Count == 1, "the newest");
        await VersionHost.WaitAsync(() => _test.Predictor.SumAsync().GetAwaiter().GetResult() == 18, "the newest of the newest");

        // There and back, to what is live: nothing is left to be done.
        var live = _test.Versions.Live;
        _test.Set(("m:Path", "4.onnx"));
        _test.Set(("m:Path", "3.onnx"));
        await VersionHost.WaitAsync(
            () => _test.Versions.All.Count == 1 && _test.Predictor.SumAsync().GetAwaiter().GetResult() == 18, "the newest again");
        await _test.Versions.ReloadAsync(Token);
        Assert.Equal(18, await _test.Predictor.SumAsync());
        Assert.NotSame(live, _test.Versions.Live);
    }

    [Fact]
    public async Task Configuration_FileWasMissing_IsTriedAgainAtTheNextReload()
    {
        await _test.StartAsync();
        _test.Set(("m:Path", "late.onnx"));
        await _test.WaitForLogAsync(4014);

        _test.Write("late.onnx", weight: 2);
        _test.Set();

        await VersionHost.WaitAsync(() => _test.Predictor.SumAsync().GetAwaiter().GetResult() == 12, "the late file");
    }

    [Fact]
    public async Task Options_BoundByTheApplicationItself_AreWatchedToo()
    {
        var source = new Changing();
        var batchSize = 5;
        await _test.StartAsync(null, services => services.AddSingleton<IOptionsChangeTokenSource<ModelOptions>>(source)
            .Configure<ModelOptions>("m", options => (options.UseBatching, options.Batching.MaxBatchSize) = (true, batchSize)));
        var live = _test.Versions.Live;

        source.Change();
        Assert.Same(live, (await Task.WhenAny(_test.Versions.LoadAsync(cancellationToken: Token)).Unwrap(), _test.Versions.Live).Live);
        batchSize = 6;
        source.Change();

        await VersionHost.WaitAsync(() => _test.Versions.Live != live, "the new version");
    }

    [Fact]
    public async Task Configuration_OneOfTwoModelsChanged_LeavesTheOtherAlone()
    {
        await _test.StartAsync(settings: ("MlServing:Models:other:Path", "m.onnx"));
        var other = _test.Services.GetRequiredKeyedService<IModelVersions>("other");
        var (live, changed) = (other.Live, _test.Versions.Live);

        _test.Set(("m:Version", "2"));
        await VersionHost.WaitAsync(() => _test.Versions.Live != changed, "the new version");

        Assert.Same(live, other.Live);
        Assert.Equal(6, await _test.Services.GetRequiredKeyedService<IPredictor>("other").SumAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => other.PublishAsync(_test.Versions.Live!, cancellationToken: Token));
    }

    [Fact]
    public async Task ReloadAsync_RequestInTheFormerVersion_IsAnsweredByItBeforeItIsClosed()
    {
        var (time, hold, isHolding) = (new FakeTimeProvider(), new HeldPredictor.Hold(), true);
        await _test.StartAsync(
            model => model.Use(inner => isHolding ? new HeldPredictor(inner, hold) : inner).WithWarmUp(),
            services => services.AddSingleton<TimeProvider>(time));
        var former = _test.Versions.Live!;
        var held = _test.Predictor.SumAsync();

        try
        {
            isHolding = false;
            _test.Write("m.onnx", weight: 2);
            var reload = _test.Versions.ReloadAsync(Token);
            await VersionHost.WaitAsync(() => former.State == ModelVersionState.Draining, "the new version");
            Assert.Equal(12, await _test.Predictor.SumAsync());
            Assert.False(held.IsCompleted || reload.IsCompleted);

            // The wait is over in time, the request is not.
            while (!reload.IsCompleted)
            {
                time.Advance(TimeSpan.FromSeconds(1));
                await Task.Delay(1, Token);
            }

            await reload;
            Assert.Contains(_test.Logs.GetSnapshot(), static log => log.Id.Id == 4015);
            Assert.Equal((ModelVersionState.Draining, 0), (former.State, hold.Disposals));
        }
        finally
        {
            // A host that is disposed of waits for the request.
            hold.Release();
        }

        Assert.Equal(6, await held);
        await VersionHost.WaitAsync(() => former.State == ModelVersionState.Closed, "the end of the former one");
        Assert.Equal(1, hold.Disposals);
    }

    [Fact]
    public async Task ReloadAsync_FiftyWhileOneRuns_ShareTheNextAndSeeWhatIsSaidThen()
    {
        var source = new GatedSource();
        source.Open();
        await _test.StartAsync(model => model.FromSource(source), settings: ("MlServing:Models:m:Path", null));
        source.Close();
        var before = source.Reads;

        var first = _test.Versions.ReloadAsync(Token);
        await source.Entered;
        var others = Enumerable.Range(0, 50).Select(_ => _test.Versions.ReloadAsync(Token)).ToList();
        source.Weight = 3;
        source.Open();
        var versions = (await Task.WhenAll(others)).Distinct().ToList();

        Assert.Equal(2, source.Reads - before);
        Assert.Same(_test.Versions.Live, Assert.Single(versions));
        Assert.NotSame(await first, versions[0]);
        Assert.Equal(18, await _test.Predictor.SumAsync());
    }

    [Fact]
    public async Task ReloadAsync_StormFromManyThreads_EndsWithOneVersionAndAllAnswered()
    {
        await _test.StartAsync(static model => model.UseStandardPipeline());

        var reloads = Enumerable.Range(0, 50).Select(i => Task.Run(
            async () =>
            {
                Assert.Equal(6, await _test.Predictor.SumAsync());
                return await _test.Versions.ReloadAsync(Token);
            },
            Token)).ToList();

        var versions = await Task.WhenAll(reloads);
        Assert.Contains(_test.Versions.Live, versions);
        Assert.Single(_test.Versions.All);
        Assert.Equal(6, await _test.Predictor.SumAsync());
    }

    [Fact]
    public async Task ReloadAsync_Cancelled_EndsTheWaitingAlone()
    {
        var source = new GatedSource();
        source.Open();
        await _test.StartAsync(model => model.FromSource(source), settings: ("MlServing:Models:m:Path", null));
        source.Close();
        using var cancelled = new CancellationTokenSource();

        var reload = _test.Versions.ReloadAsync(cancelled.Token);
        var load = _test.Versions.LoadAsync(cancellationToken: cancelled.Token);
        await source.Entered;
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reload);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => load);
        Assert.Equal(6, await _test.Predictor.SumAsync());

        source.Weight = 2;
        source.Open();
        await VersionHost.WaitAsync(() => _test.Predictor.SumAsync().GetAwaiter().GetResult() == 12, "the reload that goes on");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ReloadAsync_HostStops_EndsAndNothingIsLeft(bool isDisposed)
    {
        var source = new GatedSource();
        source.Open();
        await _test.StartAsync(model => model.FromSource(source), settings: ("MlServing:Models:m:Path", null));
        source.Close();
        var versions = _test.Versions;
        var live = versions.Live!;
        var (reload, next, load) = (versions.ReloadAsync(Token), Task.CompletedTask, Task.CompletedTask);
        await source.Entered;
        next = versions.ReloadAsync(Token);
        load = versions.LoadAsync(cancellationToken: Token);

        if (isDisposed) await ((IAsyncDisposable)_test.Host).DisposeAsync();
        else await _test.Host.StopAsync(Token);

        foreach (var task in (Task[])[reload, next, load])
            await Assert.ThrowsAsync<ObjectDisposedException>(() => task);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => versions.ReloadAsync(Token));
        Assert.Equal(ModelVersionState.Closed, live.State);
        Assert.Null(versions.Live);
        Assert.Empty(versions.All);
    }

    [Fact]
    public async Task ReloadAsync_NotLoadedYet_LoadsTheModel()
    {
        var services = new ServiceCollection();
        services.AddMlServing().AddModel("m", static model => model.FromBytes(TinyOnnx.WeightedSum()));
        await using var provider = services.BuildServiceProvider();
        var versions = provider.GetRequiredKeyedService<IModelVersions>("m");
        Assert.Null(versions.Live);
        await Assert.ThrowsAsync<InvalidOperationException>(() => versions.LoadAsync(cancellationToken: Token));

        var version = await versions.ReloadAsync(Token);

        Assert.Equal((ModelVersionState.Live, version), (version.State, versions.Live));
    }

    [Fact]
    public async Task Configuration_ChainChanged_HoldsFromTheNewVersionOn()
    {
        await _test.StartAsync(settings: [("MlServing:Models:m:UseCircuitBreaker", "true"),
            ("MlServing:Models:m:Fallback:0:Value:y:0", "1")]);
        var former = _test.Versions.Live;

        _test.Set(("m:Fallback:0:Value:y:0", "2"));
        await VersionHost.WaitAsync(() => _test.Versions.Live != former, "the new version");
        _test.Predictor.GetService<ICircuitBreaker>()!.Isolate();
        Assert.Equal(2, await _test.Predictor.SumAsync());

        // A chain that cannot work is refused with the version that brings it.
        _test.Set(("m:Fallback:0:Value:z:0", "2"));
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => _test.Versions.ReloadAsync(Token));
        Assert.Contains("gives a value to 'z'", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(2, await _test.Predictor.SumAsync());
    }

    [Fact]
    public async Task ReloadAsync_CheckOfTheApplication_DecidesAndSeesBoth()
    {
        var check = new Limit();
        await _test.StartAsync(null, services => services.AddSingleton<IModelVersionCheck>(check));
        var live = _test.Versions.Live;

        _test.Write("m.onnx", weight: 3);
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => _test.Versions.ReloadAsync(Token));
        Assert.Equal(
            (ModelLoadFailure.VerificationFailed,
                "The new version of model 'm' did not pass Limit, and the live one goes on: 18 is too much beside 6"),
            (thrown.Failure,
                thrown.InnerException is null ? "" : thrown.Message[thrown.Message.IndexOf("The new", StringComparison.Ordinal)..]));
        Assert.Same(live, Assert.Single(_test.Versions.All));

        _test.Write("m.onnx", weight: 2);
        await _test.Versions.ReloadAsync(Token);
        Assert.Equal(12, await _test.Predictor.SumAsync());
    }

    /// <summary>What was said for one version alone is not taken back by options that have not changed.</summary>
    [Fact]
    public async Task Configuration_NothingChangedSinceAVersionWasPublished_LeavesItLive()
    {
        var source = new Changing();
        _test.Write("double.onnx", weight: 2);
        await _test.StartAsync(null, services => services.AddSingleton<IOptionsChangeTokenSource<ModelOptions>>(source));
        var version = await _test.Versions.LoadAsync(static options => options.Path = "double.onnx", Token);
        await _test.Versions.PublishAsync(version, cancellationToken: Token);

        _test.Set();
        source.Change();
        await _test.Versions.UnloadAsync(await _test.Versions.LoadAsync(cancellationToken: Token), Token);
        Assert.Same(version, _test.Versions.Live);

        _test.Set(("m:Version", "2"));
        await VersionHost.WaitAsync(() => _test.Versions.Live != version, "the new version");
        Assert.Equal(6, await _test.Predictor.SumAsync());
    }

    private sealed class Limit : IModelVersionCheck
    {
        public async ValueTask CheckAsync(ModelVersion version, ModelVersion live, CancellationToken cancellationToken)
        {
            var (now, then) = (await version.Predictor.SumAsync(), await live.Predictor.SumAsync());
            if (now > 2 * then) throw new InvalidOperationException($"{now} is too much beside {then}");
        }
    }

    /// <summary>A source that is read when it is told to.</summary>
    private sealed class GatedSource : IModelSource
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _isTold;
        private int _reads;

        public Task Entered => _entered.Task;

        public int Reads => Volatile.Read(ref _reads);

        public float Weight { get; set; } = 1;

        public void Open() => _gate.TrySetResult();

        public void Close() => (_gate, _isTold) = (new(TaskCreationOptions.RunContinuationsAsynchronously), true);

        public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _reads);
            if (_isTold) _entered.TrySetResult();
            await _gate.Task.WaitAsync(cancellationToken);
            return new(TinyOnnx.WeightedSum(Weight, 0), "gated");
        }
    }

    private sealed class Changing : IOptionsChangeTokenSource<ModelOptions>
    {
        private ConfigurationReloadToken _token = new();

        public string? Name => "m";

        public IChangeToken GetChangeToken() => _token;

        public void Change() => Interlocked.Exchange(ref _token, new()).OnReload();
    }
}
