using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
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
    public async Task Start_SectionThatNothingTurnsOn_IsRefused(string section, string key, string option)
    {
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => StartAsync(section, static _ => { }));

        Assert.Equal(
            [
                $"MlServing:Models:sum:{key} has no effect: nothing turns it on for model sum. Set {option} of the model to true, or call "
                + $"{option} where it is added in code; set to false it says that this is meant.",
            ],
            thrown.Failures);
    }

    [Fact]
    public async Task Start_SwitchThatIsMisspelt_IsToldOnce()
    {
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            StartAsync("""  "UseCach": true, "Cache": { "SizeLimit": 1048576 }  """, static _ => { }));

        Assert.StartsWith(
            "MlServing:Models:sum:UseCach is not a known key. Did you mean 'UseCache'?", Assert.Single(thrown.Failures),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""  "UseCache": true, "Cache": { "SizeLimit": 1048576 }  """)]
    [InlineData("""  "UseCache": false, "Cache": { "SizeLimit": 1048576 }, "UseBatching": false, "Batching": { "MaxBatchSize": 8 }  """)]
    [InlineData("""  "Version": "2"  """)]
    public async Task Start_SectionThatIsUsedOrMeantNotToBe_Starts(string section) => await StartAsync(section, static _ => { });

    [Fact]
    public async Task Start_TurnedOnInCode_Starts() =>
        await StartAsync("""  "Cache": { "SizeLimit": 1048576 }  """, static model => model.UseCache());

    private async Task StartAsync(string section, Action<ModelBuilder> configure)
    {
        using var host = await _test.StartAsync(
            services => services.AddMlServing().AddModel("sum", model => configure(model.FromFile("m.onnx"))),
            $$"""{ "MlServing": { "Models": { "sum": { {{section}} } } } }""");
    }
}
