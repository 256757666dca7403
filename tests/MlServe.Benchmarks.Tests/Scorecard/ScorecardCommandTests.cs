using MlServe.Benchmarks.Scorecard;

namespace MlServe.Benchmarks.Scorecard;

public sealed class ScorecardCommandTests
{
    [Theory]
    [InlineData("--windows 14", "--windows takes 15 or more.")]
    [InlineData("--windows -1", "--windows takes 15 or more.")]
    [InlineData("--only batching.nothing", "No row's name begins with 'batching.nothing'. The rows: direct.latency_vs_raw, ")]
    [InlineData("--windows many", "Cannot parse argument 'many'")]
    [InlineData("--only", "Required argument missing for option: '--only'.")]
    [InlineData("--windows", "Required argument missing for option: '--windows'.")]
    [InlineData("--faster", "Unrecognized command or argument '--faster'")]
    public void Parse_BadArguments_SaysWhichAndWhatToDo(string arguments, string message)
    {
        var result = ScorecardCommand.Create().Parse(arguments);

        Assert.StartsWith(message, Assert.Single(result.Errors.Select(static error => error.Message).Distinct()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--windows 15 --only direct --json out.json")]
    [InlineData("--only batching.deadline_kept")]
    [InlineData("--sabotage")]
    public void Parse_GoodArguments_HasNoErrors(string arguments) => Assert.Empty(ScorecardCommand.Create().Parse(arguments).Errors);
}
