using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MlServe.Quantization.Rewriting;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Serving;

/// <summary>Quantizing as <c>appsettings.json</c> says it.</summary>
public sealed class QuantizationConfigurationTests : IDisposable
{
    private const string Lenient = """ "Gate": { "MinSpeedup": 0, "MinSpeed": 0, "MinAgreement": 0 } """;

    private const string Everything = """
        {
          "Enabled": true, "Required": true, "CacheFolder": "cache", "SamplesVersion": "7",
          "SampleFiles": [ "samples", "x=more.npy" ], "SampleRows": 4,
          "Options": {
            "MaxSamples": 99, "Method": "Dynamic", "Target": "Arm", "Format": "QOperator", "PerChannel": false,
            "PerChannelActivations": true, "BlockSize": 64, "CalibrationMethod": "Percentile", "Percentile": 99.5,
            "BiasCorrection": false, "ExcludeNodes": [ "a", "b" ], "MinMultiplications": 5,
            "OnGateFailure": "Int8Storage", "SearchBudget": "00:00:09", "Threads": 2,
            "Gate": { "MinSpeedup": 1.5, "MinSpeed": 0.5, "MaxSize": 0.5, "MinAgreement": 0.75, "MinNeighbors": 0.8,
              "MinRankCorrelation": 0.7, "Metrics": { "y": "Regression" }, "MinSnrDb": -3, "MaxLoss": 0.25 },
            "Preprocessing": { "Opset": 15, "KeepWeightInputs": true, "FoldConstants": false, "RewriteHardSwish": false,
              "SimplifyConvolutions": false, "FoldAffine": false }
          }
        }
        """;

    private readonly TemporaryFolder _folder = new();

    public QuantizationConfigurationTests()
    {
        _folder.Write("m.onnx", SmallModels.MatMul(rows: 512, columns: 256));
        _folder.Write("rows.npy", Npy.Of(SmallModels.Random(16 * 512, 3, 1), 16, 512));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("rows.npy")]
    [InlineData("x=rows.npy")]
    [InlineData(".")]
    public async Task Start_AppSettingsAlone_ServesTheQuantizedModel(string samples)
    {
        using var host = Build(
            $$"""{ "CacheFolder": "cache", "Required": true, "SampleFiles": [ "{{samples}}" ], "Options": { {{Lenient}} } }""");
        await host.StartAsync(TestContext.Current.CancellationToken);

        using var answer = await host.Services.GetRequiredService<IPredictor>()
            .PredictAsync(PredictionInputs.Row(SmallModels.Random(512, 4, 1)), cancellationToken: TestContext.Current.CancellationToken);

        Assert.True(answer.IsOk);
        var entry = await File.ReadAllTextAsync(
            Directory.GetFiles(_folder["cache"], "*.json").Single(), TestContext.Current.CancellationToken);
        Assert.Contains("\"method\": \"Static\"", entry, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(_folder["cache"], "*.onnx"));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Start_CodeQuantizesToo_ConfigurationWinsAndItIsDoneOnce()
    {
        var reports = new List<QuantizationReport>();
        using var host = Build(
            $$"""{ "SampleFiles": [ "rows.npy" ], "Options": { "PerChannel": false } }""", static _ => { },
            model => model.Quantize(quantization =>
        {
            quantization.CacheFolder = "cache";
            quantization.Options = quantization.Options with
            {
                Gate = new() { MinSpeedup = 0, MinSpeed = 0, MinAgreement = null },
                MaxSamples = 12,
            };
            quantization.OnReport = reports.Add;
        }));
        await host.StartAsync(TestContext.Current.CancellationToken);

        var report = Assert.Single(reports);
        Assert.False(report.Plan.PerChannel);
        Assert.Equal(6, report.CalibrationSamples);
        Assert.True(Directory.Exists(_folder["cache"]));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Start_NotEnabled_ServesTheModelAsItIs()
    {
        using var host = Build("""{ "Enabled": false, "CacheFolder": "cache" }""");
        await host.StartAsync(TestContext.Current.CancellationToken);

        Assert.False(Directory.Exists(_folder["cache"]));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Get_EveryKey_ReachesItsOption()
    {
        using var host = Build(Everything);

        var options = host.Services.GetRequiredService<IOptionsMonitor<ModelOptions>>().Get("m").Get<ModelQuantizationOptions>();

        var expected = new QuantizationOptions
        {
            MaxSamples = 99,
            Method = QuantizationMethod.Dynamic,
            Target = CpuTarget.Arm,
            Format = QuantizationFormat.QOperator,
            PerChannel = false,
            PerChannelActivations = true,
            BlockSize = 64,
            CalibrationMethod = CalibrationMethod.Percentile,
            Percentile = 99.5,
            BiasCorrection = false,
            ExcludeNodes = options.Options.ExcludeNodes,
            MinMultiplications = 5,
            OnGateFailure = GateFailureAction.Int8Storage,
            SearchBudget = TimeSpan.FromSeconds(9),
            Threads = 2,
            Gate = new()
            {
                MinSpeedup = 1.5,
                MinSpeed = 0.5,
                MaxSize = 0.5,
                MinAgreement = 0.75,
                MinNeighbors = 0.8,
                MinRankCorrelation = 0.7,
                Metrics = options.Options.Gate.Metrics,
                MinSnrDb = -3,
                MaxLoss = 0.25,
            },
            Preprocessing = new()
            {
                Opset = 15,
                KeepWeightInputs = true,
                FoldConstants = false,
                RewriteHardSwish = false,
                FoldAffine = false,
                SimplifyConvolutions = false,
            },
        };
        Assert.Equal(expected, options.Options);
        Assert.Equal(["a", "b"], options.Options.ExcludeNodes);
        Assert.Equal(OutputMetric.Regression, Assert.Single(options.Options.Gate.Metrics, static pair => pair.Key == "y").Value);
        Assert.Equal((true, true, "7", 4), (options.Enabled, options.Required, options.SamplesVersion, options.SampleRows));
        Assert.Equal(_folder["cache"], options.CacheFolder);
        Assert.Equal([_folder["samples"], $"x={_folder["more.npy"]}"], options.SampleFiles);
        Assert.Equal(new QuantizationOptions(), new ModelQuantizationOptions().Options);
    }

    [Fact]
    public void SettingsOfThisTest_SetEveryOptionThatConfigurationCanSay()
    {
        new ServiceCollection().AddMlServing().AddQuantization();
        string[] forCode = [nameof(ModelQuantizationOptions.OnReport), nameof(QuantizationOptions.CalibrationSamples),
            nameof(QuantizationOptions.ExcludeNode), nameof(QuantizationOptions.Plan),
            nameof(QuantizationOptions.Progress), nameof(QuantizationGate.Evaluate)];

        var all = new[] { typeof(ModelQuantizationOptions), typeof(QuantizationOptions), typeof(QuantizationGate),
            typeof(PreprocessingOptions) }
            .SelectMany(static type => type.GetProperties().Select(static property => property.Name)).ToList();

        Assert.Equal(
            forCode,
            all.Where(static name => !Everything.Contains($"\"{name}\"", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Intersect(forCode)
            .OrderBy(name => Array.IndexOf(forCode, name)));
        Assert.Equal(forCode.Length, all.Count(static name => !Everything.Contains($"\"{name}\"", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(
        """{ "Enabld": true }""",
        "Enabld is not a known key. Did you mean 'Enabled'? Known here: Enabled, Required, CacheFolder, SamplesVersion, SampleFiles, "
        + "SampleRows, Options.")]
    [InlineData("""{ "Options": { "Gate": { "MinSpedup": 1 } } }""",
        "Options:Gate:MinSpedup is not a known key. Did you mean 'MinSpeedup'? Known here: MinSpeedup, MinSpeed, MaxSize, MinAgreement, "
        + "MinNeighbors, MinRankCorrelation, MinSnrDb, Metrics, MaxLoss.")]
    [InlineData(
        """{ "Options": { "Method": "Int7" } }""",
        "Options:Method is 'Int7'; it must be one of None, Static, Dynamic, Int8Storage, Fp16Storage, NBits8, NBits4.")]
    [InlineData(
        """{ "Options": { "Plan": "plan.json" } }""",
        "Options:Plan cannot be given in configuration. Set QuantizationOptions.Plan in code.")]
    [InlineData("""{ "SampleFiles": "rows.npy" }""", "SampleFiles is 'rows.npy'; it must be a list.")]
    [InlineData("""{ "SampleFiles": [ "rows.npy" ], "SampleRows": 0 }""", "SampleRows is 0; it must be 1 to 4096.")]
    [InlineData(
        """{ "SampleFiles": [ "rows.npy" ], "Options": { "Gate": { "MinSpeed": 2 } } }""",
        "Options:Gate:MinSpeed is 2; it must be 0 to 1.")]
    [InlineData(
        """{ "SampleFiles": [ "rows.npy" ], "Options": { "BlockSize": 100 } }""",
        "Options:BlockSize is 100; it must be a power of two, 16 to 256.")]
    [InlineData(
        """{ "SampleFiles": [ "rows.npy" ], "Options": { "Preprocessing": { "Opset": 12 } } }""",
        "Options:Preprocessing:Opset is 12; it must be 13 to 22.")]
    [InlineData("""{ "Enabled": true }""",
        "SampleFiles is missing, and code gives no samples. Name files of inputs like those that the model will get, or an Options:Method "
        + "that needs none.")]
    [InlineData(
        """{ "Options": { "Method": "Static" } }""",
        "Options:Method is Static, and there are no CalibrationSamples. Give some, or use Dynamic or Int8Storage.")]
    public async Task Start_WhatCannotBeRight_IsRefusedWithItsPath(string section, string message)
    {
        using var host = Build(section);
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal([$"MlServing:Models:m:Quantization:{message}"], thrown.Failures);
    }

    [Fact]
    public async Task Start_SamplesThatAreNotThere_IsRefusedWithThePlaceWhereTheyWereSought()
    {
        using var host = Build("""{ "SampleFiles": [ "rows.npy", "x=no.npy" ] }""");
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal(
            [$"MlServing:Models:m:Quantization:SampleFiles:1 is 'x={_folder["no.npy"]}', and there is no such file or folder."],
            thrown.Failures);
    }

    [Fact]
    public async Task Start_RequiredAndSamplesOfAWrongShape_FailsTheLoadAndNamesTheFile()
    {
        _folder.Write("rows.npy", Npy.Of(new float[6], 2, 3));
        using var host = Build("""{ "Required": true, "CacheFolder": "cache", "SampleFiles": [ "rows.npy" ] }""");
        var thrown = await Assert.ThrowsAnyAsync<MlServeException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("does not fit the model", thrown.ToString(), StringComparison.Ordinal);
    }

    private IHost Build(string section) => Build(section, static mlServing => mlServing.AddQuantization(), null);

    private IHost Build(string section, Action<MlServingBuilder> add, Action<ModelBuilder>? model)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings
        {
            DisableDefaults = true,
            ContentRootPath = _folder.Folder,
        });
        builder.Configuration.AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(
            $$"""{ "MlServing": { "Models": { "m": { "Path": "m.onnx", "Quantization": {{section}} } } } }""")));
        var mlServing = builder.Services.AddMlServing();
        add(mlServing);
        if (model is not null) mlServing.AddModel("m", model);
        return builder.Build();
    }
}
