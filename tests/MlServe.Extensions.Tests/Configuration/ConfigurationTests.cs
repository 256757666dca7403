using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using MlServe.Features;
using MlServe.Onnx;
using MlServe.Tensors;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Configuration;

public sealed class ConfigurationTests : IDisposable
{
    /// <summary>The features make their options known.</summary>
    static ConfigurationTests() => _ = new FeatureCatalog([]);

    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task Start_ConfigurationAndCodeDisagree_ConfigurationWins()
    {
        _test.WriteModel("double.onnx", weight: 2);
        using var host = await _test.StartAsync(
            static services => services.AddMlServing(options => options.MaxConcurrentRuns = 1).AddModel("sum", model => model
                .FromBytes(TinyOnnx.WeightedSum(weight: 9))
                .WithVersion("code")
                .WithServiceLevel(p99: TimeSpan.FromSeconds(1), availability: 0.9)
                .WithWarmUp(1, 2, 3)
                .UseCpu()
                .ConfigureOnnx(onnx => (onnx.WarmUpRuns, onnx.MaxQueuedRequests) = (2, 7))),
            """
            {
              "MlServing": {
                "MaxConcurrentRuns": 2,
                "Models": {
                  "sum": {
                    "Path": "double.onnx", "Version": "configuration", "ServiceLevel": { "P99": "00:00:02" },
                    "Onnx": { "WarmUpRows": [ 4 ], "ExecutionProviders": [ { "Requirement": "Required" } ], "WarmUpRuns": 1 }
                  }
                }
              }
            }
            """);

        var options = OptionsOf(host.Services, "sum");
        Assert.Equal(2, host.Services.GetRequiredService<RunGate>().MaxConcurrentRuns);
        Assert.Equal(12, await host.Services.GetRequiredService<IPredictor>().SumAsync());
        Assert.Equal("configuration", options.Version);
        Assert.Equal((TimeSpan.FromSeconds(2), 0.9), (options.ServiceLevel.P99, options.ServiceLevel.Availability));
        Assert.Equal([4], options.Onnx.WarmUpRows);
        Assert.Equal(ProviderRequirement.Required, Assert.Single(options.Onnx.ExecutionProviders).Requirement);
        Assert.Equal((1, 7), (options.Onnx.WarmUpRuns, options.Onnx.MaxQueuedRequests));
    }

    [Fact]
    public async Task Start_ConfiguredLaterInCode_ConfigurationStillWins()
    {
        using var host = await _test.StartAsync(
            static services =>
            {
                services.AddMlServing();
                services.Configure<ModelOptions>("sum", static options => options.Version = "code");
            },
            """{ "MlServing": { "Models": { "sum": { "Path": "m.onnx", "Version": "configuration" } } } }""");

        Assert.Equal("configuration", OptionsOf(host.Services, "sum").Version);
    }

    [Fact]
    public async Task Start_ListsInCode_AreReplacedByEveryListInConfiguration()
    {
        // One that the configuration adds to instead would go unnoticed: this finds a list option that nobody has thought of.
        var lists = ConfigurationShape.PropertiesOf(typeof(OnnxModelOptions))
            .Where(static property => property.PropertyType.IsGenericType
                && property.PropertyType.GetGenericTypeDefinition() == typeof(IList<>))
            .Select(static property => property.Name);
        using var host = await _test.StartAsync(
            static services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx").UseCpu().WithWarmUp(2)),
            """{ "MlServing": { "Models": { "sum": { "Onnx": { "ExecutionProviders": [], "WarmUpRows": [] } } } } }""");

        var onnx = OptionsOf(host.Services, "sum").Onnx;
        Assert.Equal(["ExecutionProviders", "WarmUpRows"], lists);
        Assert.Empty(onnx.ExecutionProviders);
        Assert.Empty(onnx.WarmUpRows);
    }

    /// <summary>
    /// Each option whose names come from the model can be written as a list, because no key of configuration holds a ':'.
    /// </summary>
    [Fact]
    public async Task Start_NamesWithAColon_AreGivenAsLists()
    {
        File.WriteAllBytes(
            Path.Combine(_test.Folder, "colons.onnx"),
            new OnnxModel().Input("x:0", OnnxModel.Float, "N:0", 3).Output("y:0", OnnxModel.Float, "N:0", 3)
            .Node("Relu", ["x:0"], ["y:0"]).ToBytes());
        using var host = await _test.StartAsync(
            static services => services.AddMlServing(),
            """
            { "MlServing": { "Models": { "sum": {
                "Path": "colons.onnx", "UseBatching": false, "UseCircuitBreaker": true,
                "Fallback": [ { "Value": [ { "Name": "y:0", "Value": [ 1, 2, 3 ] } ] } ],
                "Batching": { "Padding": { "Values": [ { "Name": "x:0", "Value": 0.5 } ] } },
                "Onnx": {
                  "NonFiniteInputs": [ { "name": "x:0", "value": "NaN" } ],
                  "FreeDimensions": [ { "Name": "N:0", "Value": 1 } ], "SessionEntries": [ { "Name": "a:b", "Value": "c" } ],
                  "RunAtLoad": false, "WarmUpRuns": 0
                } } } } }
            """);

        var options = OptionsOf(host.Services, "sum");
        Assert.Equal(("x:0", 0.5), options.Batching.Padding.Values.Select(static value => (value.Key, value.Value)).Single());
        Assert.Equal(("x:0", NonFiniteValues.NaN), options.Onnx.NonFiniteInputs.Select(static value => (value.Key, value.Value)).Single());
        Assert.Equal(("N:0", 1), options.Onnx.FreeDimensions.Select(static value => (value.Key, value.Value)).Single());
        Assert.Equal(("a:b", "c"), options.Onnx.SessionEntries.Select(static value => (value.Key, value.Value)).Single());
        Assert.Equal([1, 2, 3], options.Fallback.Single().Value["y:0"]);
    }

    [Theory]
    [InlineData(
        """ "BatchAxes": { "input:0": 0 } """,
        "BatchAxes:input holds keys; it must be a single value: a whole number. A name that holds a ':' stands in a list: "
        + """[ { "Name": "input:0", "Value": ... } ].""")]
    [InlineData(""" "BatchAxes": [ { "Name": "input:0", "Value": "x" } ] """, "BatchAxes:0:Value is 'x'; it must be a whole number.")]
    [InlineData(""" "BatchAxes": [ { "Name": "input:0" } ] """, "BatchAxes:0:Value is missing; each item must have Name and Value.")]
    [InlineData(""" "BatchAxes": [ { "Name": "", "Value": 1 } ] """, "BatchAxes:0:Name is empty; it must be a name.")]
    [InlineData(
        """ "BatchAxes": [ { "Name": "a", "Value": 1, "Axis": 2 } ] """, "BatchAxes:0:Axis is not a known key. Known here: Name, Value.")]
    public async Task Start_NameThatCannotBeRead_SaysHow(string option, string message)
    {
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => _test.StartAsync(
            static services => services.AddMlServing(),
            $$"""{ "MlServing": { "Models": { "sum": { "Path": "m.onnx", "Onnx": { {{option}} } } } } }"""));

        // The model's file, which has no such input, is told of as well.
        Assert.Equal([$"MlServing:Models:sum:Onnx:{message}"], thrown.Failures.Where(static failure =>
            !failure.StartsWith("Model 'sum' (", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("rows", "Its inputs have: 'N'.")]
    [InlineData("n", "Did you mean 'N'? Its inputs have: 'N'.")]
    public async Task Start_FreeDimensionThatTheModelDoesNotHave_IsRefused(string name, string rest)
    {
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => _test.StartAsync(
            static services => services.AddMlServing(),
            $$"""{ "MlServing": { "Models": { "sum": { "Path": "m.onnx", "Onnx": { "FreeDimensions": { "{{name}}": 4 } } } } } }"""));

        Assert.Contains(
            $"MlServing:Models:sum:Onnx:FreeDimensions:{name} names no free dimension of the model's inputs. {rest}", thrown.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_ExplicitNulls_LeaveDefaults()
    {
        using var host = await _test.StartAsync(static services => services.AddMlServing(), """
            {
              "MlServing": {
                "MaxConcurrentRuns": null, "DrainTimeout": null, "Runtime": null,
                "Models": { "sum": {
                  "Path": "m.onnx", "ServiceLevel": null, "Onnx": { "WarmUpRows": null, "IntraOpThreads": null, "BatchAxes": null }
                } }
              }
            }
            """);

        Assert.Equal(Environment.ProcessorCount, host.Services.GetRequiredService<RunGate>().MaxConcurrentRuns);
        Assert.Equal(1, OptionsOf(host.Services, "sum").Onnx.IntraOpThreads);
        Assert.Equal(6, await host.Services.GetRequiredService<IPredictor>().SumAsync());
    }

    [Fact]
    public async Task Start_RelativePaths_StartAtTheContentRoot()
    {
        _test.WriteModel("models/a.onnx");
        using var host = await _test.StartAsync(
            static services => services.AddMlServing().AddModel("code", model => model.FromFile("models/a.onnx").AsDefault()),
            """
            { "MlServing": { "Models": { "configuration": {
              "Path": "./models/../models/a.onnx", "Onnx": { "OptimizedModelCacheFolder": "cache" }
            } } } }
            """);

        var whole = Path.Combine(_test.Folder, "models", "a.onnx");
        Assert.Equal(whole, OptionsOf(host.Services, "code").Path);
        Assert.Equal(whole, OptionsOf(host.Services, "configuration").Path);
        Assert.Equal(Path.Combine(_test.Folder, "cache"), OptionsOf(host.Services, "configuration").Onnx.OptimizedModelCacheFolder);
        Assert.Equal(whole, host.Services.GetRequiredService<IPredictor>().GetService<OnnxModelDescription>()!.Origin);
    }

    [Fact]
    public void Path_NoHost_StartsAtTheApplicationsFolder()
    {
        var services = new ServiceCollection();
        services.AddMlServing().AddModel("sum", static model => model.FromFile("m.onnx"));
        using var container = services.BuildServiceProvider();

        Assert.Equal(Path.Combine(AppContext.BaseDirectory, "m.onnx"), OptionsOf(container, "sum").Path);
    }

    [Fact]
    public async Task AddMlServing_SectionOfAnotherName_IsReadInItsPlaceAndNamedInMessages()
    {
        using var host = _test.Build(
            static (builder, configuration) => builder.Services.AddMlServing(configuration.GetSection("Other")),
            """{ "MlServing": { "Wrong": 1 }, "Other": { "Models": { "sum": { "Path": "m.onnx", "Verion": "2" } } } }""");

        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.StartsWith(
            "Other:Models:sum:Verion is not a known key. Did you mean 'Version'?", Assert.Single(thrown.Failures),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task AddMlServing_WholeConfiguration_MeansItsSection()
    {
        using var host = _test.Build(
            static (builder, configuration) => builder.Services.AddMlServing(configuration),
            """{ "Logging": { }, "MlServing": { "Models": { "sum": { "Path": "m.onnx" } } } }""");

        await host.StartAsync(TestContext.Current.CancellationToken);

        Assert.Equal(6, await host.Services.GetRequiredService<IPredictor>().SumAsync());
    }

    [Fact]
    public void AddMlServing_Twice_MergesAndTheLaterSectionWins()
    {
        using var host = _test.Build(
            static (builder, configuration) =>
            {
                builder.Services.AddMlServing(
                    configuration.GetSection("A"), static options => options.DrainTimeout = TimeSpan.FromSeconds(1))
                    .AddModel("a", static model => model.FromFile("m.onnx").WithVersion("1"));
                builder.Services.AddMlServing(configuration.GetSection("B"))
                    .AddModel("a", static model => model.WithVersion("2"))
                    .AddModel("b");
            },
            """
            {
              "A": { "MaxConcurrentRuns": 1, "Models": { "b": { "Path": "m.onnx" } } },
              "B": { "MaxConcurrentRuns": 2, "Models": { "c": { "Path": "m.onnx" } } }
            }
            """);

        Assert.Equal(["a", "b", "c"], host.Services.GetRequiredService<IPredictorProvider>().Names);
        Assert.Equal("2", OptionsOf(host.Services, "a").Version);
        Assert.Equal(2, host.Services.GetRequiredService<RunGate>().MaxConcurrentRuns);
        Assert.Equal(TimeSpan.FromSeconds(1), host.Services.GetRequiredService<IOptions<MlServingOptions>>().Value.DrainTimeout);
        Assert.Single(host.Services.GetServices<Microsoft.Extensions.Hosting.IHostedService>());
    }

    [Fact]
    public async Task Start_KeysOfOtherCase_MeanTheSame()
    {
        using var host = await _test.StartAsync(
            static services => services.AddMlServing().AddModel("sum", static model => model.FromFile("m.onnx")),
            """{ "mlserving": { "models": { "SUM": { "version": "7" } } } }""");

        Assert.Equal(["sum"], host.Services.GetRequiredService<IPredictorProvider>().Names);
        Assert.Equal("7", host.Services.GetRequiredService<IPredictor>().GetService<ModelIdentity>()!.Version);
    }

    private static ModelOptions OptionsOf(IServiceProvider services, string model) =>
        services.GetRequiredService<IOptionsMonitor<ModelOptions>>().Get(model);
}
