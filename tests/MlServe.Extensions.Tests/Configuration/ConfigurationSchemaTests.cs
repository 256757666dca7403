using System.Reflection;
using MlServe.Onnx;
using NJsonSchema;
using Xunit;

namespace MlServe.Configuration;

/// <summary>The schema by which editors complete <c>appsettings.json</c>. Run with MLSERVE_UPDATE_SCHEMA=1 to write it anew.</summary>
public sealed class ConfigurationSchemaTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task File_MadeAnew_IsTheSame()
    {
        var path = Path.Combine(Repository(), "src", "MlServe.Extensions", "ConfigurationSchema.json");
        var schema = ConfigurationSchema.Create();
        if (Environment.GetEnvironmentVariable("MLSERVE_UPDATE_SCHEMA") == "1") await File.WriteAllTextAsync(path, schema, Token);

        Assert.Equal(schema, await File.ReadAllTextAsync(path, Token));
    }

    [Fact]
    public async Task Validate_AllOptions_FindsNothing()
    {
        var schema = await JsonSchema.FromJsonAsync(ConfigurationSchema.Create(), Token);

        Assert.Empty(schema.Validate(AppSettingsTests.Settings));
    }

    [Theory]
    [InlineData("""{ "MlServing": { "MaxConcurrentRun": 1 } }""")]
    [InlineData("""{ "MlServing": { "MaxConcurrentRuns": 0 } }""")]
    [InlineData("""{ "MlServing": { "DrainTimeout": "30" } }""")]
    [InlineData("""{ "MlServing": { "Models": { "a/b": { "Path": "m.onnx" } } } }""")]
    [InlineData("""{ "MlServing": { "Models": { "sum": { "Pth": "m.onnx" } } } }""")]
    [InlineData("""{ "MlServing": { "Models": { "sum": { "ServiceLevel": { "Availability": 1 } } } } }""")]
    [InlineData("""{ "MlServing": { "Models": { "sum": { "Onnx": { "Optimization": "Most" } } } } }""")]
    [InlineData("""{ "MlServing": { "Models": { "sum": { "Quantization": { "SampleRows": 0 } } } } }""")]
    [InlineData("""{ "MlServing": { "Models": { "sum": { "Quantization": { "Options": { "Method": "Int7" } } } } } }""")]
    [InlineData("""{ "MlServing": { "Models": { "sum": { "Onnx": { "ExecutionProviders": [ { "DeviceId": -1 } ] } } } } }""")]
    public async Task Validate_WhatAStartRefuses_IsFoundInTheEditorToo(string settings)
    {
        var schema = await JsonSchema.FromJsonAsync(ConfigurationSchema.Create(), Token);

        Assert.NotEmpty(schema.Validate(settings));
    }

    public static TheoryData<string> RangedOptions() => [.. Ranged().Select(static property => property.Name)];

    /// <summary>Ranges are read from sentences, so the sentences are held against the code.</summary>
    [Theory]
    [MemberData(nameof(RangedOptions))]
    public void RangeIn_Description_IsWhatTheOptionsTake(string name)
    {
        var property = typeof(OnnxModelOptions).GetProperty(name)!;
        var (minimum, maximum) = ConfigurationSchema.RangeIn(XmlSummaries.Of(property));

        Assert.Empty(ProblemsWith(property, minimum!.Value));
        Assert.NotEmpty(ProblemsWith(property, minimum.Value - 1));
        if (maximum is null) return;
        Assert.Empty(ProblemsWith(property, maximum.Value));
        if (maximum < (property.PropertyType == typeof(long) ? long.MaxValue : int.MaxValue))
            Assert.NotEmpty(ProblemsWith(property, maximum.Value + 1));
    }

    [Fact]
    public void RangeIn_EveryNumberOfTheModel_IsFound() => Assert.Equal(
        typeof(OnnxModelOptions).GetProperties()
            .Where(static property => IsNumber(property.PropertyType))
            .Select(static property => property.Name),
        Ranged().Select(static property => property.Name));

    private static IEnumerable<PropertyInfo> Ranged() => typeof(OnnxModelOptions).GetProperties()
        .Where(static property => IsNumber(property.PropertyType)
            && ConfigurationSchema.RangeIn(XmlSummaries.Of(property)).Minimum is not null);

    private static bool IsNumber(Type type) =>
        (Nullable.GetUnderlyingType(type) ?? type) is var number && (number == typeof(int) || number == typeof(long));

    private static IEnumerable<string> ProblemsWith(PropertyInfo property, long value)
    {
        var options = new OnnxModelOptions();
        property.SetValue(
            options,
            (Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType) == typeof(int) ? (object)(int)value : value);
        return options.Validate();
    }

    // Not by the caller's file path: a deterministic build writes another one into the assembly.
    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "MlServe.sln")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("The tests do not run in a checkout.");
        return folder.FullName;
    }
}
