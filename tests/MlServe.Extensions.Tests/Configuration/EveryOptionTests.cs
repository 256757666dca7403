using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Xunit;

namespace MlServe.Configuration;

/// <summary>Walks every option that configuration can set, as the options' classes have them.</summary>
public sealed class EveryOptionTests : IDisposable
{
    private const string Model = "MlServing:Models:m";

    /// <summary>Options without a bound on that side, which is meant.</summary>
    private static readonly string[] Unbounded =
    [
        ":Timeout", ":ServiceLevel:P50", ":ServiceLevel:P99", ":ServiceLevel:PeakRps", ":ServiceLevel:CostPerMillion", ":MaxIdleLaneBytes",
        ":BatchAxis", ":Cache:TimeToLive", ":DeviceId", ":FreeDimensions:0", ":BatchAxes:0", ":Chaos:Seed", ":Value:0:0", ":Entries:0",
        ":Padding:Values:0", ":Padding:Buckets:0", ":CircuitBreaker:SlowRunThreshold", ":Batching:MaxLaneBytes",
    ];

    private readonly TestHost _test = new();
    private readonly IHost _host;
    private readonly Settings _settings = new();

    public EveryOptionTests()
    {
        _host = _test.Build((builder, configuration) =>
        {
            configuration.Add(_settings);
            builder.Services.AddMlServing();
        });

        // Features make their options known when they are made.
        Assert.Empty(Problems(($"{Model}:Version", "1")));
    }

    public void Dispose()
    {
        _host.Dispose();
        _test.Dispose();
    }

    [Fact]
    public void Misspelt_EveryKey_IsToldWithTheRightOne()
    {
        var options = Options().ToList();
        Assert.True(options.Count > 100, $"Only {options.Count} options were found.");
        Assert.All(options.Where(static option => !char.IsDigit(option.Key[^1])), option =>
        {
            var name = option.Key.Split(':')[^1];
            var wrong = $"{option.Key[..^name.Length]}{name}x";
            Assert.Contains(Problems((wrong, "1")), problem => problem.StartsWith(
                $"{wrong} is not a known key. Did you mean '{name}'?", StringComparison.Ordinal));
        });
    }

    [Fact]
    public void OutOfRange_EveryNumberAndTime_IsToldWithKeyAndRange()
    {
        var numbers = Options().Where(static option => ExtremesOf(option.Type).Length > 0).ToList();
        Assert.True(numbers.Count > 60, $"Only {numbers.Count} numbers were found.");
        Assert.All(numbers, option =>
        {
            var told = ExtremesOf(option.Type).Select(value => Problems((option.Key, value))
                .FirstOrDefault(problem => problem.StartsWith($"{option.Key} is {value}", StringComparison.Ordinal))).ToList();
            Assert.All(told.OfType<string>(), static problem => Assert.Contains("it must be", problem, StringComparison.Ordinal));
            var isUnbounded = option.Key.Contains(":InspectionLimits:", StringComparison.Ordinal)
                || Unbounded.Any(end => option.Key.EndsWith(end, StringComparison.Ordinal));
            if (!isUnbounded) Assert.DoesNotContain(null, told);
        });
    }

    [Fact]
    public void Unreadable_EveryNumberTimeAndChoice_IsToldWithKeyAndValue() => Assert.All(
        Options().Where(static option => option.Type != typeof(string)), option => Assert.Contains(
            Problems((option.Key, "so")), problem => problem.StartsWith($"{option.Key} is 'so'; it must be ", StringComparison.Ordinal)));

    private List<string> Problems((string Key, string Value) setting)
    {
        Dictionary<string, string?> settings = new() { [$"{Model}:Path"] = "m.onnx", [setting.Key] = setting.Value };
        foreach (var use in (string[])["UseCache", "UseBatching", "UseTimeout", "UseCircuitBreaker", "Chaos:Enabled"])
            settings.TryAdd($"{Model}:{use}", "true");
        _settings.Replace(settings);
        try
        {
            _ = _host.Services.GetRequiredService<IOptionsFactory<MlServingOptions>>().Create("");
            return [];
        }
        catch (OptionsValidationException exception)
        {
            Assert.DoesNotContain(exception.Failures, static failure => failure.Contains("(Parameter", StringComparison.Ordinal));
            return [.. exception.Failures];
        }
    }

    private static IEnumerable<(string Key, Type Type)> Options() =>
        OptionsOf("MlServing", typeof(MlServingOptions)).Concat(OptionsOf(Model, typeof(ModelOptions)));

    private static IEnumerable<(string Key, Type Type)> OptionsOf(string key, Type type)
    {
        if (ConfigurationShape.IsObject(type))
            return ConfigurationShape.PropertiesOf(type).SelectMany(property => OptionsOf($"{key}:{property.Name}", property.PropertyType));
        if (ConfigurationShape.ElementTypeOf(type) is { } element) return OptionsOf($"{key}:0", element);
        return [(key, Nullable.GetUnderlyingType(type) ?? type)];
    }

    private static string[] ExtremesOf(Type type) => Type.GetTypeCode(type) switch
    {
        _ when type == typeof(TimeSpan) => ["-00:00:02", TimeSpan.MaxValue.ToString()],
        _ when type.IsEnum => [],
        TypeCode.Int32 => [Text(int.MinValue), Text(int.MaxValue)],
        TypeCode.Int64 => [Text(long.MinValue), Text(long.MaxValue)],
        TypeCode.Double => ["-1", "NaN", "Infinity"],
        _ => [],
    };

    private sealed class Settings : ConfigurationProvider, IConfigurationSource
    {
        public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

        public void Replace(Dictionary<string, string?> settings) => Data = new Dictionary<string, string?>(
            settings, StringComparer.OrdinalIgnoreCase);
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
