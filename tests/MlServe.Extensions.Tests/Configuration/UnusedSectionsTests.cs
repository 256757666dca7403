using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace MlServe.Configuration;

public sealed class UnusedSectionsTests : IDisposable
{
    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Theory]
    [InlineData("""  "Cache": { "SizeLimit": 1048576 }  """, "Cache", "UseCache")]
    [InlineData("""  "Timeout": "00:00:01"  """, "Timeout", "UseTimeout")]
    [InlineData("""  "CircuitBreaker": { "MinimumThroughput": 5 }  """, "CircuitBreaker", "UseCircuitBreaker")]
    [InlineData("""  "Batching": { "MaxBatchSize": 8 }  """, "Batching", "UseBatching")]
    public async Task Start_SectionThatNothingTurnsOn_IsTold(string section, string key, string option)
    {
        var warning = Assert.Single(await WarningsAsync(section, static _ => { }));

        Assert.Equal(4009, warning.Id.Id);
        Assert.Equal(
            $"MlServing:Models:sum:{key} has no effect: nothing turns it on for model sum. Set {option} of the model to true, or call {option} where it is added in code; "
            + "set to false it says that this is meant", warning.Message);
    }

    [Theory]
    [InlineData("""  "UseCache": true, "Cache": { "SizeLimit": 1048576 }  """)]
    [InlineData("""  "UseCache": false, "Cache": { "SizeLimit": 1048576 }, "UseBatching": false, "Batching": { "MaxBatchSize": 8 }  """)]
    [InlineData("""  "Version": "2"  """)]
    public async Task Start_SectionThatIsUsedOrMeantNotToBe_IsNotTold(string section) => Assert.Empty(await WarningsAsync(section, static _ => { }));

    [Fact]
    public async Task Start_TurnedOnInCode_IsNotTold() =>
        Assert.Empty(await WarningsAsync("""  "Cache": { "SizeLimit": 1048576 }  """, static model => model.UseCache()));

    private async Task<IReadOnlyList<FakeLogRecord>> WarningsAsync(string section, Action<ModelBuilder> configure)
    {
        var logs = new FakeLogCollector();
        using var host = await _test.StartAsync(
            services =>
            {
                services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(logs));
                services.AddMlServing().AddModel("sum", model => configure(model.FromFile("m.onnx")));
            },
            $$"""{ "MlServing": { "Models": { "sum": { {{section}} } } } }""");
        return [.. logs.GetSnapshot().Where(static log => log.Level == LogLevel.Warning)];
    }
}
