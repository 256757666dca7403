using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace MlServe.Configuration;

public sealed class ConfigurationErrorTests : IDisposable
{
    private const string Range = "it must be 1 to 64 letters (a to z), digits, '-', '_' and '.', and not '.' or '..'.";

    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Theory]
    [InlineData("""{ "MaxConcurrentRun": 1 }""",
        "MlServing:MaxConcurrentRun is not a known key. Did you mean 'MaxConcurrentRuns'? Known here: MaxConcurrentRuns, DrainTimeout, "
        + "Runtime, Models.")]
    [InlineData("""{ "Modells": { } }""",
        "MlServing:Modells is not a known key. Did you mean 'Models'? Known here: MaxConcurrentRuns, DrainTimeout, Runtime, Models.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Weights": "w" } } }""",
        "MlServing:Models:sum:Weights is not a known key. Known here: Path, Version, IsDefault, Required, ServiceLevel, Onnx, UseCache, "
        + "Cache, Fallback, UseTimeout, Timeout, UseCircuitBreaker, CircuitBreaker, Chaos, UseBatching, Batching, Quantization.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "ServiceLevel": { "P9": "00:00:01" } } } }""",
        "MlServing:Models:sum:ServiceLevel:P9 is not a known key. Did you mean 'P99'? Known here: P50, P99, Availability, PeakRps, "
        + "Quality, CostPerMillion.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "ExecutionProviders": [ { "Providr": "Cpu" } ] } } } }""",
        "MlServing:Models:sum:Onnx:ExecutionProviders:0:Providr is not a known key. Did you mean 'Provider'? "
        + "Known here: Provider, Requirement, DeviceId, Settings.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "SampleInputs": [ 1 ] } } } }""",
        "MlServing:Models:sum:Onnx:SampleInputs cannot be given in configuration. Set OnnxModelOptions.SampleInputs in code.")]
    public Task Start_UnknownKey_IsRefused(string section, string message) => RefusesAsync(section, message);

    [Theory]
    [InlineData("""{ "MaxConcurrentRuns": "many" }""", "MlServing:MaxConcurrentRuns is 'many'; it must be a whole number.")]
    [InlineData(
        """{ "MaxConcurrentRuns": [ 1 ] }""",
        "MlServing:MaxConcurrentRuns holds keys or a list; it must be a single value: a whole number.")]
    [InlineData("""{ "DrainTimeout": 30 }""", "MlServing:DrainTimeout is '30'; it must be a time as hh:mm:ss (00:00:00.010 is 10 ms).")]
    [InlineData("""{ "Runtime": { "EnableTelemetry": "no" } }""", "MlServing:Runtime:EnableTelemetry is 'no'; it must be true or false.")]
    [InlineData("""{ "Runtime": "none" }""", "MlServing:Runtime is 'none'; it must be an object with keys.")]
    [InlineData("""{ "Models": "m.onnx" }""", "MlServing:Models is 'm.onnx'; it must be an object with keys.")]
    [InlineData("""{ "Models": { "sum": "m.onnx" } }""", "MlServing:Models:sum is 'm.onnx'; it must be an object with keys.")]
    [InlineData(
        """{ "Models": { "sum": { "Path": "m.onnx", "IsDefault": "" } } }""",
        "MlServing:Models:sum:IsDefault is ''; it must be true or false.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "ServiceLevel": { "PeakRps": "fast" } } } }""",
        "MlServing:Models:sum:ServiceLevel:PeakRps is 'fast'; it must be a number.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "Optimization": "Most" } } } }""",
        "MlServing:Models:sum:Onnx:Optimization is 'Most'; it must be one of None, Basic, Extended, All.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "Optimization": "7" } } } }""",
        "MlServing:Models:sum:Onnx:Optimization is '7'; it must be one of None, Basic, Extended, All.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "WarmUpRows": "8" } } } }""",
        "MlServing:Models:sum:Onnx:WarmUpRows is '8'; it must be a list.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "WarmUpRows": [ 8, "x" ] } } } }""",
        "MlServing:Models:sum:Onnx:WarmUpRows:1 is 'x'; it must be a whole number.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "MaxRequestBytes": 9.5 } } } }""",
        "MlServing:Models:sum:Onnx:MaxRequestBytes is '9.5'; it must be a whole number.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "FreeDimensions": { "M": "" } } } } }""",
        "MlServing:Models:sum:Onnx:FreeDimensions:M is ''; it must be a whole number.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "NonFiniteInputs": { "x": "NaN, Infinity" } } } } }""",
        "MlServing:Models:sum:Onnx:NonFiniteInputs:x is 'NaN, Infinity'; it must be one or several of None, NaN, PositiveInfinity, "
        + "NegativeInfinity, All, parted by commas.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "NonFiniteInputs": { "x": "9" } } } } }""",
        "MlServing:Models:sum:Onnx:NonFiniteInputs:x is '9'; it must be one or several of None, NaN, PositiveInfinity, NegativeInfinity, "
        + "All, parted by commas.")]
    public Task Start_ValueThatCannotBeRead_IsRefused(string section, string message) => RefusesAsync(section, message);

    [Theory]
    [InlineData("""{ "MaxConcurrentRuns": 0 }""", "MlServing:MaxConcurrentRuns is 0; it must be 1 to 1024.")]
    [InlineData("""{ "MaxConcurrentRuns": 1025 }""", "MlServing:MaxConcurrentRuns is 1025; it must be 1 to 1024.")]
    [InlineData("""{ "DrainTimeout": "-00:00:01" }""", "MlServing:DrainTimeout is -00:00:01; it must be 00:00:00 to 1.00:00:00.")]
    [InlineData("""{ "DrainTimeout": "1.00:00:01" }""", "MlServing:DrainTimeout is 1.00:00:01; it must be 00:00:00 to 1.00:00:00.")]
    [InlineData(
        """{ "Runtime": { "SharedThreadPoolThreads": 1025 } }""",
        "MlServing:Runtime:SharedThreadPoolThreads is 1025; it must be 0 to 1024.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Version": "a/b" } } }""", "MlServing:Models:sum:Version is 'a/b'; " + Range)]
    [InlineData(
        """{ "Models": { "sum": { "Path": "m\u0000.onnx" } } }""", "MlServing:Models:sum:Path holds a null character, which no path may.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "ServiceLevel": { "Availability": 1 } } } }""",
        "MlServing:Models:sum:ServiceLevel:Availability is 1; it must be greater than 0 and less than 1.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "ServiceLevel": { "P50": "00:00:00" } } } }""",
        "MlServing:Models:sum:ServiceLevel:P50 is 00:00:00; it must be greater than zero.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "ServiceLevel": { "P50": "00:00:02", "P99": "00:00:01" } } } }""",
        "MlServing:Models:sum:ServiceLevel:P50 is 00:00:02; it must be at most P99, which is 00:00:01.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "ServiceLevel": { "Quality": 1.01 } } } }""",
        "MlServing:Models:sum:ServiceLevel:Quality is 1.01; it must be greater than 0 and at most 1.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "ServiceLevel": { "Quality": "NaN" } } } }""",
        "MlServing:Models:sum:ServiceLevel:Quality is NaN; it must be greater than 0 and at most 1.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "ServiceLevel": { "CostPerMillion": 0 } } } }""",
        "MlServing:Models:sum:ServiceLevel:CostPerMillion is 0; it must be greater than zero.")]
    [InlineData("""{ "Models": { "sum": { "Path": "m.onnx", "Onnx": { "IntraOpThreads": 5000 } } } }""",
        "MlServing:Models:sum:Onnx:IntraOpThreads is 5000; it must be 0 to 1024.")]
    public Task Start_ValueOutOfRange_IsRefused(string section, string message) => RefusesAsync(section, message);

    [Theory]
    [InlineData("""{ "Models": { "sum": { } } }""", "sum")]
    [InlineData("""{ "Models": { "sum": { "Path": null } } }""", "sum")]
    [InlineData("""{ "Models": { "sum": { "Path": " " } } }""", "sum")]
    public Task Start_NoSource_IsRefused(string section, string model) => RefusesAsync(section,
        $"MlServing:Models:{model}:Path is missing, and the model has no other source. Set it to the path of an ONNX file, or call "
        + "FromFile, FromBytes, FromSource or FromPredictor where the model is added in code.");

    [Theory]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("a b")]
    [InlineData("größe")]
    [InlineData("a0123456789012345678901234567890123456789012345678901234567890123456789")]
    public Task Start_NameThatIsNone_IsRefused(string name) => RefusesAsync(
        $$"""{ "Models": { "{{name}}": { "Path": "m.onnx" } } }""", $"MlServing:Models:{name}: '{name}' cannot name a model; {Range}");

    [Fact]
    public Task Start_SectionOfAPackageThatIsNotRegistered_IsRefusedByItsName() => RefusesAsync(
        """{ "Models": { "sum": { "Path": "m.onnx", "Quantization": { "Enabled": true } } } }""",
        "MlServing:Models:sum:Quantization is read by the package MlServe.Quantization, which is not registered. Reference the package "
        + "and call AddMlServing().AddQuantization(), or take the section out.");

    [Fact]
    public async Task Start_MuchIsWrong_TellsAllAtOnce()
    {
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            _test.StartAsync(static services => services.AddMlServing(), """
            { "MlServing": { "MaxConcurrentRuns": "x", "Models": { "one": { "Pfad": "m.onnx", "Version": [ 1 ] }, "two": { } } } }
            """));

        Assert.Equal(
            ["MlServing:MaxConcurrentRuns", "MlServing:Models:one:Pfad", "MlServing:Models:one:Version", "MlServing:Models:two:Path"],
            thrown.Failures.Select(static failure => failure.Split(' ')[0]));
    }

    [Fact]
    public Task Start_TwoDefaults_IsRefused() => RefusesAsync(
        """{ "Models": { "one": { "Path": "m.onnx", "IsDefault": true }, "two": { "Path": "m.onnx", "IsDefault": true } } }""",
        "The models 'one', 'two' are all marked as the default; one may be. "
            + "Leave out AsDefault(), or set MlServing:Models:two:IsDefault to false.");

    [Theory]
    [InlineData("../m")]
    [InlineData("")]
    public void AddModel_NameThatIsNone_Throws(string name)
    {
        var thrown = Assert.Throws<ArgumentException>(() => new ServiceCollection().AddMlServing().AddModel(name));

        Assert.StartsWith($"'{name}' cannot name a model; {Range}", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AddModel_NameThatDiffersByCase_Throws() => Assert.Contains("'Sum' differs from it only by case",
        Assert.Throws<ArgumentException>(() => new ServiceCollection().AddMlServing().AddModel("sum").AddModel("Sum")).Message,
        StringComparison.Ordinal);

    private async Task RefusesAsync(string section, string message)
    {
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(
            () => _test.StartAsync(static services => services.AddMlServing(), $$"""{ "MlServing": {{section}} }"""));

        Assert.Equal([message], thrown.Failures);
    }
}
