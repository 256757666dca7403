using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Resilience;
using MlServe.Tensors;
using Xunit;

namespace MlServe;

/// <summary>Breaker, timeout, fallback chain and chaos in a host, from <c>appsettings.json</c> and from code.</summary>
public sealed class ResilienceTests : IDisposable
{
    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task Start_AllFromAppSettings_AnswersFromTheChainWhenTheModelIsMadeToFail()
    {
        _test.WriteModel("small.onnx", weight: 2);
        // A clock that stands: the circuit stays open however long the requests take.
        using var host = await _test.StartAsync(
            static services => services.AddSingleton<TimeProvider>(new FakeTimeProvider()).AddMlServing(), """
            {
              "MlServing": { "Models": {
                "sum": {
                  "Path": "m.onnx",
                  "ServiceLevel": { "P99": "00:00:10" },
                  "UseTimeout": true, "Timeout": "00:00:30",
                  "UseCircuitBreaker": true, "CircuitBreaker": { "MinimumThroughput": 5 },
                  "Chaos": { "Enabled": true, "FailureRate": 1 },
                  "Fallback": [ { "Model": "small" }, { "Value": { "y": [ 9 ] } } ]
                },
                "small": { "Path": "small.onnx" }
              } }
            }
            """);
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("sum");

        for (var i = 0; i < 10; i++)
        {
            using var answer = await predictor.PredictAsync(Asking.OneTwoThree, cancellationToken: TestContext.Current.CancellationToken);
            Assert.Equal(12, answer.EnsureOk()["y"].ToScalar<float>());
            Assert.Equal((PredictionSource.Fallback, "small"), (answer.Origin.Source, answer.Origin.Model!.Name));
            Assert.Equal(i < 5 ? PredictionStatus.Failed : PredictionStatus.CircuitOpen, answer.Origin.FallbackReason!.Status);
        }

        Assert.Equal(CircuitState.Open, predictor.GetService<ICircuitBreaker>()!.State);
        Assert.Equal(1, predictor.GetService<FallbackStatistics>()!.Share);

        await host.Services.GetRequiredService<Hosting.PredictorProvider>()
            .GetModel("small")
            .CloseAsync(TestContext.Current.CancellationToken);
        Assert.Equal(9, await predictor.SumAsync());
    }

    /// <summary>The chain stands before the model is loaded, and its breaker is made at the load.</summary>
    [Theory]
    [InlineData("""[ { "Model": "small" } ]""", true)]
    [InlineData("""[ { "Value": { "y": [ 9 ] } } ]""", true)]
    [InlineData("""[ { "StaleAnswer": true } ]""", false)]
    [InlineData("[ ]", false)]
    public async Task Start_SlowRuns_ShedLoadOnlyWhereSomebodyElseAnswers(string fallback, bool isShed)
    {
        _test.WriteModel("small.onnx", weight: 2);
        var clock = new FakeTimeProvider();
        using var host = await _test.StartAsync(
            services => services.AddSingleton<TimeProvider>(clock).AddMlServing().AddModel("sum", model => model
                .UseStandardPipeline().UseCache(static cache => cache.TimeToLive = TimeSpan.FromTicks(1))), $$"""
            {
              "MlServing": { "Models": {
                "sum": {
                  "Path": "m.onnx", "ServiceLevel": { "P99": "00:00:00.001" }, "Fallback": {{fallback}}, "Timeout": "1.00:00:00",
                  "Chaos": { "Enabled": true, "LatencyRate": 1, "Latency": "00:00:00.020" }
                },
                "small": { "Path": "small.onnx" }
              } }
            }
            """);
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("sum");
        for (var i = 0; i < 40; i++)
        {
            var asked = predictor.PredictAsync(PredictionInputs.Row([1f, 2f, i]), cancellationToken: TestContext.Current.CancellationToken)
                .AsTask();
            for (var step = 0; step < 1000 && !asked.IsCompleted; step++)
            {
                // Other threads go on meanwhile; time that goes on before they can would be a timeout.
                clock.Advance(TimeSpan.FromMilliseconds(20));
                await Task.WhenAny(asked, Task.Delay(TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken));
            }

            (await asked).EnsureOk().Dispose();
        }

        Assert.Equal(isShed ? CircuitState.Open : CircuitState.Closed, predictor.GetService<ICircuitBreaker>()!.State);
    }

    [Fact]
    public async Task PredictAsync_NaNFromJson_IsRefusedWithTheKeyAndHarmsNobody()
    {
        using var host = await _test.StartAsync(static services => services.AddMlServing()
            .AddModel("sum", static model => model.FromFile("m.onnx").UseStandardPipeline()));
        var predictor = host.Services.GetRequiredService<IPredictor>();
        for (var i = 0; i < 300; i++)
        {
            // 1e39 is an infinity in single precision.
            float[] row = i % 20 == 7 ? [1, float.Parse("1e39", System.Globalization.CultureInfo.InvariantCulture), 3] : [1, 2, i];
            using var answer = await predictor.PredictAsync(
                PredictionInputs.Row(row), cancellationToken: TestContext.Current.CancellationToken);
            Assert.Equal(i % 20 != 7, answer.IsOk);
            if (!answer.IsOk)
                Assert.Contains(
                    "an infinity at element 1, and model 'sum' is not known to take it. Send finite numbers, or allow it: NonFiniteInputs "
                        + "(MlServing:Models:sum:Onnx:NonFiniteInputs:x)", answer.Error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(CircuitState.Closed, predictor.GetService<ICircuitBreaker>()!.State);
    }

    [Fact]
    public async Task PredictAsync_ModelNotLoadedYet_TheChainAnswers()
    {
        using var host = _test.Build(static services =>
            services.AddMlServing()
                .AddModel("sum", static model => model.FromFile("m.onnx").UseFallback(static chain => chain.ThenValue("y", 5f))));
        Assert.Equal(5, await host.Services.GetRequiredService<IPredictor>().SumAsync());
    }

    [Fact]
    public async Task PredictAsync_StaleAnswerThenNone_AfterTheCircuitIsIsolated()
    {
        using var host = await _test.StartAsync(static services => services.AddMlServing()
            .AddModel("sum", static model => model.FromFile("m.onnx").UseFallback(static chain => chain.ThenStaleAnswer())
                .UseCache(static cache => cache.TimeToLive = TimeSpan.FromTicks(1)).UseCircuitBreaker().UseBatching()));
        var predictor = host.Services.GetRequiredService<IPredictor>();
        Assert.Equal(6, await predictor.SumAsync());
        predictor.GetService<ICircuitBreaker>()!.Isolate();

        using var old = await predictor.PredictAsync(Asking.OneTwoThree, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(PredictionSource.StaleCache, old.Origin.Source);
        Assert.Equal(PredictionErrorCode.CircuitIsolated, old.Origin.FallbackReason!.Code);
        using var none = await predictor.PredictAsync(
            PredictionInputs.Row<float>([3, 2, 1]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Single(none.Error.FallbackErrors);
    }

    [Fact]
    public async Task UseChaos_InCodeAlone_StaysOff()
    {
        using var host = await _test.StartAsync(static services => services.AddMlServing()
            .AddModel(
                "sum", static model => model.FromFile("m.onnx").UseChaos(static chaos => (chaos.Enabled, chaos.FailureRate) = (true, 1))));
        Assert.Equal(6, await host.Services.GetRequiredService<IPredictor>().SumAsync());
    }

    [Theory]
    [InlineData("b", "c", "a", "a -> b -> c -> a")]
    [InlineData("a", "c", "c", "a -> a")]
    [InlineData("bb", "c", "d", "names model 'bb', and there is none. Did you mean 'b'?")]
    [InlineData("nobody", "c", "d", "There are: 'a', 'b', 'c', 'd'.")]
    public async Task Start_CyclesAndUnknownNames_AreRefused(string ofA, string ofB, string ofC, string message)
    {
        using var host = _test.Build(services => services.AddMlServing()
            .AddModel("a", model => model.FromFile("m.onnx").UseFallback(chain => chain.To(ofA)))
            .AddModel("b", model => model.FromFile("m.onnx").UseFallback(chain => chain.To(ofB)))
            .AddModel("c", model => model.FromFile("m.onnx").UseFallback(chain => chain.To(ofC)))
            .AddModel("d", static model => model.FromFile("m.onnx")));
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains(message, thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("m.onnx", "made of the same file")]
    [InlineData("other.onnx", "cannot stand in for model 'sum'")]
    public async Task Start_TargetThatCannotStandIn_IsRefused(string file, string message)
    {
        File.WriteAllBytes(Path.Combine(_test.Folder, "other.onnx"), TestModels.OnnxModel.Mlp(1, 4, 3));
        using var host = _test.Build(services => services.AddMlServing()
            .AddModel(
                "sum",
                static model => model.FromFile("m.onnx").UseFallback(static chain => chain.To("other").After(TimeSpan.FromSeconds(1))))
            .AddModel("other", model => model.FromFile(file)));
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains(message, thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[ 1, 2 ]", "gives 'y' a value of 2 numbers, and a row of the model's has 1.")]
    [InlineData("[ ]", "gives 'y' a value of 0 numbers")]
    public async Task Start_ValueOfAnotherLength_IsRefused(string numbers, string message)
    {
        using var host = _test.Build(static services => services.AddMlServing(),
            $$"""{ "MlServing": { "Models": { "sum": { "Path": "m.onnx", "Fallback": [ { "Value": { "y": {{numbers}} } } ] } } } }""");
        var thrown = await Assert.ThrowsAnyAsync<Exception>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains(message, thrown.Message, StringComparison.Ordinal);
    }

    /// <summary>A value that could not be given is refused when the model is loaded, and not when it is needed.</summary>
    [Theory]
    [InlineData(
        """{ "y": [ 1, 2 ] }""",
        "gives no value to 'b', 's': what stands in for an answer must have every output. The model has: 'y', 'b', 's'.")]
    [InlineData("""{ "y": [ 1, 2 ], "b": [ 1, 0 ], "s": [ 1, 2 ] }""", "gives numbers to 'b', which is a tensor of Bool")]
    [InlineData("""{ "y": [ 1, 2 ], "b": [ 1, 0 ], "s": [ 1, 2 ] }""", "gives numbers to 's', which is a tensor of String")]
    [InlineData("""{ "y": [ 1, 2 ], "b": [ 1, 0 ], "z": [ 1 ] }""", "gives a value to 'z', which the model does not have.")]
    public async Task Start_ValueThatCannotBeGiven_IsRefused(string value, string message)
    {
        File.WriteAllBytes(Path.Combine(_test.Folder, "three.onnx"), new TestModels.OnnxModel()
            .Input("x", TestModels.OnnxModel.Float, "N", 2).Output("y", TestModels.OnnxModel.Float, "N", 2)
            .Output("b", TestModels.OnnxModel.Bool, "N", 2).Output("s", TestModels.OnnxModel.String, "N", 2)
            .Node("Relu", ["x"], ["y"]).Node("Cast", ["x"], ["b"], ("to", 9L)).Node("Cast", ["x"], ["s"], ("to", 8L)).ToBytes());
        using var host = _test.Build(static services => services.AddMlServing(),
            $$"""{ "MlServing": { "Models": { "sum": { "Path": "three.onnx", "Fallback": [ { "Value": {{value}} } ] } } } }""");

        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Contains(message, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_ValueForASequenceOfMaps_IsRefused()
    {
        if (FindShared("models/tabular/iris_logreg_684B.onnx") is not { } file)
        {
            Assert.Skip("The shared models are not here.");
            return;
        }

        var signature = OnnxInspector.Inspect(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken));
        var value = string.Join(", ", signature.Outputs.Select(static output => $"\"{output.Name}\": [ 1 ]"));
        using var host = _test.Build(static services => services.AddMlServing(),
            $$"""{ "MlServing": { "Models": { "iris": { "Path": "{{file}}", "Fallback": [ { "Value": { {{value}} } } ] } } } }""");

        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Contains("which is a sequence of maps, whose entries have keys (Maps)", thrown.Message, StringComparison.Ordinal);
    }

    /// <summary>A classifier of scikit-learn's gives a map for each row.</summary>
    [Theory]
    [InlineData("0", true)]
    [InlineData("setosa", false)]
    public async Task Ask_MapInTheModelsPlace_IsOneForEachRow(string key, bool isKey)
    {
        if (FindShared("models/tabular/iris_logreg_684B.onnx") is not { } file)
        {
            Assert.Skip("The shared models are not here.");
            return;
        }

        var outputs = OnnxInspector.Inspect(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken)).Outputs;
        using var host = _test.Build(static services => services.AddMlServing(), $$"""
            { "MlServing": { "Models": { "iris": { "Path": "{{file}}", "UseCircuitBreaker": true, "Fallback": [ {
              "Value": { "{{outputs[0].Name}}": [ 2 ] },
              "Maps": [ { "Output": "{{outputs[1].Name}}", "Entries": { "{{key}}": 0.75, "1": 0.25 } } ]
            } ] } } } }
            """);
        if (!isKey)
        {
            var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => host.StartAsync(TestContext.Current.CancellationToken));
            Assert.EndsWith("the key 'setosa', and keys of the model's map are whole numbers.", thrown.Message, StringComparison.Ordinal);
            return;
        }

        await host.StartAsync(TestContext.Current.CancellationToken);
        var predictor = host.Services.GetRequiredService<IPredictor>();
        predictor.GetService<ICircuitBreaker>()!.Isolate();
        using var answer = await predictor.PredictAsync(
            PredictionInputs.Rows(new float[8], 2), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(PredictionSource.Fallback, answer.Origin.Source);
        Assert.Equal([2L, 2L], answer[0].ToArray<long>());
        Assert.Equal(2, answer[1].Length);
        Assert.All(Enumerable.Range(0, 2), row => Assert.Equal(
            new Dictionary<long, float> { [0] = 0.75f, [1] = 0.25f }, answer[1][row].ToDictionary<long, float>()));
    }

    /// <summary>Numbers of configuration come as the model's own type, whatever its width.</summary>
    [Theory]
    [InlineData(TestModels.OnnxModel.Int8, ElementType.Int8)]
    [InlineData(TestModels.OnnxModel.UInt8, ElementType.UInt8)]
    [InlineData(TestModels.OnnxModel.Int64, ElementType.Int64)]
    [InlineData(TestModels.OnnxModel.Double, ElementType.Double)]
    public async Task Ask_ValueInTheModelsPlace_HasTheTypeOfTheOutput(int type, ElementType expected)
    {
        File.WriteAllBytes(
            Path.Combine(_test.Folder, "cast.onnx"),
            new TestModels.OnnxModel().Input("x", TestModels.OnnxModel.Float, "N", 3).Output("y", type, "N", 3)
            .Node("Cast", ["x"], ["y"], ("to", (long)type)).ToBytes());
        using var host = await _test.StartAsync(static services => services.AddMlServing(), """
            { "MlServing": { "Models": { "sum": {
              "Path": "cast.onnx", "UseCircuitBreaker": true, "Fallback": [ { "Value": { "y": [ 1, 2, 3 ] } } ]
            } } } }
            """);
        var predictor = host.Services.GetRequiredService<IPredictor>();
        predictor.GetService<ICircuitBreaker>()!.Isolate();

        using var answer = await predictor.PredictAsync(Asking.OneTwoThree, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal((PredictionSource.Fallback, expected), (answer.Origin.Source, answer["y"].ElementType));
    }

    [Fact]
    public async Task Start_StaleAnswersWithoutACache_IsRefused()
    {
        using var host = _test.Build(static services => services.AddMlServing()
            .AddModel("sum", static model => model.FromFile("m.onnx").UseFallback(static chain => chain.ThenStaleAnswer())));
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("UseCache", thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "Model": "b", "StaleAnswer": true }""", "Fallback:0 says several things")]
    [InlineData("{ \"After\": \"00:00:01\", \"StaleAnswer\": true }", "Fallback:0:After is for a Model")]
    [InlineData("""{ "Modell": "b" }""", "Did you mean 'Model'?")]
    public async Task Start_StepThatSaysNothingClear_IsRefused(string step, string message)
    {
        using var host = _test.Build(static services => services.AddMlServing(),
            $$"""{ "MlServing": { "Models": { "a": { "Path": "m.onnx", "Fallback": [ {{step}} ] }, "b": { "Path": "m.onnx" } } } }""");
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains(message, thrown.Message, StringComparison.Ordinal);
    }

    private static string? FindShared(string file)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "shared", "data", file);
            if (File.Exists(path)) return path;
        }

        return null;
    }
}
