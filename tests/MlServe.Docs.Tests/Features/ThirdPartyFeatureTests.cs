using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Features;
using MlServe.Resilience;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Docs;

/// <summary>A feature that is not MlServe's, in a project that sees nothing internal.</summary>
public sealed class ThirdPartyFeatureTests
{
    private const string Options = """
        "UseAnswerGuard": true,
        "AnswerGuard": {
          "MaxRequests": 5, "Folder": "guards", "Labels": [ "a", "b" ], "Steps": [ { "Max": 1.5, "Day": "Monday" }, { "Max": 2 } ],
          "Limits": [ { "Name": "y:0", "Value": { "Max": 3 } } ], "Rows": { "y": [ 1, 2 ] }, "Usual": { "Max": 4 }
        }
        """;

    private const string Company = """
        "UseCache": true, "UseTimeout": true, "UseCircuitBreaker": true, "UseBatching": true,
        "Fallback": [ { "Value": [ { "Name": "y:0", "Value": [ 7 ] } ] } ]
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void ThisProject_SeesNothingInternal() => Assert.DoesNotContain(
        new[] { typeof(IPredictor).Assembly, typeof(ModelFeature).Assembly }
            .SelectMany(static assembly => assembly.GetCustomAttributes<System.Runtime.CompilerServices.InternalsVisibleToAttribute>()),
        static seen => seen.AssemblyName.Split(',')[0] == typeof(ThirdPartyFeatureTests).Assembly.GetName().Name);

    [Fact]
    public async Task Start_SectionInConfiguration_ReachesEveryOption()
    {
        using var host = await StartAsync(
            Options.Replace("[ { \"Name\": \"y:0\", \"Value\": { \"Max\": 3 } } ]", "{ \"y\": { \"Max\": 3 } }", StringComparison.Ordinal),
            output: "y");

        var options = PredictorOf(host).GetService<AnswerGuard>()!.Options;
        Assert.Equal((5, Path.Combine(AppContext.BaseDirectory, "guards"), 4), (options.MaxRequests, options.Folder, options.Usual.Max));
        Assert.Equal(["a", "b"], options.Labels);
        Assert.Equal([(1.5, DayOfWeek.Monday), (2, null)], options.Steps.Select(static step => (step.Max, step.Day)));
        Assert.Equal(("y", 3), options.Limits.Select(static limit => (limit.Key, limit.Value.Max)).Single());
        Assert.Equal([1, 2], options.Rows["y"]);
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task Ask_InCompany_StandsInsideOfTheCacheAndOutsideOfTheBreaker()
    {
        using var host = await StartAsync($"{Options}, {Company}", "y:0");
        var predictor = PredictorOf(host);
        var guard = predictor.GetService<AnswerGuard>()!;
        Assert.NotNull(predictor.GetService<BatchStatistics>());
        Assert.NotNull(predictor.GetService<CacheStatistics>());

        Assert.Equal((6, PredictionSource.Model), await AskAsync(predictor, [1, 2, 3]));
        Assert.Equal((6, PredictionSource.Cache), await AskAsync(predictor, [1, 2, 3]));
        Assert.Equal(1, guard.Calls);

        // Refused by the breaker, within the guard, and answered by the chain around both.
        predictor.GetService<ICircuitBreaker>()!.Isolate();
        Assert.Equal((7, PredictionSource.Fallback), await AskAsync(predictor, [4, 5, 6]));
        Assert.Equal(2, guard.Calls);
        predictor.GetService<ICircuitBreaker>()!.Close();

        // Many at once: those that the guard lets through are the model's, and each is answered.
        var answers = await Task.WhenAll(Enumerable.Range(10, 64).Select(i => AskAsync(predictor, [i, i, i])));
        Assert.All(answers.Select(static (answer, i) => (answer, i)), static pair =>
            Assert.Equal(pair.answer.Source == PredictionSource.Fallback ? 7 : 3 * (10 + pair.i), pair.answer.Value));
        Assert.Equal(3, answers.Count(static answer => answer.Source == PredictionSource.Model));
        Assert.Equal(66, guard.Calls);
        await host.StopAsync(Token);
    }

    [Theory]
    [InlineData(
        """ "AnswerGuard": { "MaxRequest": 1 }, "UseAnswerGuard": true """,
        "AnswerGuard:MaxRequest is not a known key. Did you mean 'MaxRequests'? "
        + "Known here: MaxRequests, Folder, Labels, Steps, Limits, Rows, Usual.")]
    [InlineData(""" "UseAnswerGuard": "yes" """, "UseAnswerGuard is 'yes'; it must be true or false.")]
    [InlineData(
        """ "AnswerGuard": { "OnCall": "x" }, "UseAnswerGuard": true """,
        "AnswerGuard:OnCall cannot be given in configuration. Set AnswerGuardOptions.OnCall in code.")]
    [InlineData(
        """ "AnswerGuard": { "Usual": { "Max": "x" }, "MaxRequests": 0 }, "UseAnswerGuard": true, """
        + """ "UseCache": true, "Cache": { "SizeLimit": 1 }, "Version": "a/b" """,
        "AnswerGuard:Usual:Max is 'x'; it must be a number.", "AnswerGuard:MaxRequests is 0; it must be 1 or more.",
        "Cache:SizeLimit is 1; it must be 65536 to 1099511627776.",
        "Version is 'a/b'; it must be 1 to 64 letters (a to z), digits, '-', '_' and '.', and not '.' or '..'.")]
    [InlineData(
        """ "AnswerGuard": { "MaxRequests": 2 } """,
        "AnswerGuard has no effect: nothing turns it on for model m. Set UseAnswerGuard of the model to true, or call "
        + "UseFeature<AnswerGuardOptions>() where it is added in code; set to false it says that this is meant.")]
    public async Task Start_WhatIsWrong_IsToldWithAllElse(string section, params string[] messages)
    {
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => StartAsync(section, "y"));

        Assert.Equal(
            messages.Select(static message => $"MlServing:Models:m:{message}").Order(StringComparer.Ordinal),
            thrown.Failures.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Start_OutputThatTheModelDoesNotHave_IsRefusedAtLoad()
    {
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => StartAsync(Options, "y"));

        Assert.Contains(
            "MlServing:Models:m:AnswerGuard:Limits:y:0 names no output of the model.", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OptionsOfAFeatureThatNobodyAdded_IsRefused()
    {
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            StartAsync("", "y", static model => model.UseFeature<AnswerGuardLimit>()));

        Assert.StartsWith(
            "MlServing:Models:m: AnswerGuardLimit are set in code, and no feature reads them.", Assert.Single(thrown.Failures),
            StringComparison.Ordinal);
    }

    /// <summary>
    /// All that a live feature goes by is its own copy: of the objects that code has given, and of those that the host gives out.
    /// </summary>
    [Fact]
    public async Task Change_OptionsOfALoadedModel_HasNoEffect()
    {
        var given = new AnswerGuardLimit { Max = 9 };
        AnswerGuardOptions? mine = null;
        BatchingOptions? batching = null;
        CircuitBreakerOptions? breaker = null;
        using var host = await StartAsync(
            "", "y",
            model => model.UseStandardPipeline().UseBatching(options => batching = options).UseCircuitBreaker(options => breaker = options)
            .UseFeature<AnswerGuardOptions>(options =>
            {
                mine = options;
                options.Limits["y"] = given;
            }));
        var options = host.Services.GetRequiredService<IOptionsMonitor<ModelOptions>>().Get("m");
        var guard = PredictorOf(host).GetService<AnswerGuard>()!;

        foreach (var held in new[] { mine!, options.Get<AnswerGuardOptions>() })
        {
            held.MaxRequests = 0;
            held.Labels.Clear();
            held.Limits.Clear();
            held.Usual.Max = -1;
        }

        given.Max = -1;
        breaker!.OutputCheck = static _ => false;
        options.CircuitBreaker.OutputCheck = static _ => false;
        options.Batching.MaxQueuedRows = batching!.MaxQueuedRows = 0;
        options.Cache.SizeLimit = -1;

        Assert.Equal(
            (1000, "default", 9, double.PositiveInfinity),
            (guard.Options.MaxRequests, guard.Options.Labels.Single(), guard.Options.Limits["y"].Max, guard.Options.Usual.Max));
        var answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => AskAsync(PredictorOf(host), [i, i, i])));
        Assert.All(answers, static answer => Assert.Equal(PredictionSource.Model, answer.Source));
        await host.StopAsync(Token);
    }

    [Theory]
    [InlineData(typeof(TakenKey), "the key 'UseCache' of models is another one's. Choose another.")]
    [InlineData(typeof(BatchingSlot), "the slot Batching is for the built-in feature alone. Choose another one.")]
    public void AddFeature_ThatCannotBe_IsRefused(Type feature, string message)
    {
        var services = new ServiceCollection();
        var builder = services.AddMlServing();
        _ = feature == typeof(TakenKey) ? builder.AddFeature<TakenKey>() : builder.AddFeature<BatchingSlot>();
        using var container = services.BuildServiceProvider();

        var thrown = Assert.Throws<InvalidOperationException>(() => container.GetRequiredService<IOptions<MlServingOptions>>().Value);
        Assert.Equal($"The feature {feature.Name} cannot be added: {message}", thrown.Message);
    }

    private static IPredictor PredictorOf(IHost host) => host.Services.GetRequiredService<IPredictor>();

    private static async Task<(float Value, PredictionSource Source)> AskAsync(IPredictor predictor, float[] row)
    {
        using var prediction = await predictor.PredictAsync(PredictionInputs.Row(row), cancellationToken: Token);
        return (prediction.EnsureOk()[0].ToScalar<float>(), prediction.Origin.Source);
    }

    private static async Task<IHost> StartAsync(string section, string output, Action<ModelBuilder>? configure = null)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings
        {
            DisableDefaults = true,
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Configuration.AddJsonStream(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(
            $$"""{ "MlServing": { "Models": { "m": { {{section}} } } } }""")));
        var bytes = new OnnxModel().Input("x", OnnxModel.Float, "N", 3).Output(output, OnnxModel.Float, "N", 1)
            .Initializer("w", [1f, 1, 1], 3, 1)
            .Node("MatMul", ["x", "w"], [output]).ToBytes();
        builder.Services.AddMlServing().AddFeature<AnswerGuardFeature>().AddFeature<AnswerGuardFeature>().AddModel("m", model =>
        {
            model.FromBytes(bytes);
            configure?.Invoke(model);
        });
        var host = builder.Build();
        await host.StartAsync(Token);
        return host;
    }

    internal sealed class TakenKey : ModelFeature<AnswerGuardOptions>
    {
        public override string Key => "Taken";

        public override string? Switch => "UseCache";

        public override FeatureSlot Slot => FeatureSlot.Application;

        public override void Apply(ModelFeatureContext context, AnswerGuardOptions options)
        {
        }
    }

    internal sealed class BatchingSlot : ModelFeature<AnswerGuardOptions>
    {
        public override string Key => "Other";

        public override FeatureSlot Slot => FeatureSlot.Batching;

        public override void Apply(ModelFeatureContext context, AnswerGuardOptions options)
        {
        }
    }
}
