using System.CommandLine;
using MlServe.Benchmarks.Scorecard;
using MlServe.Benchmarks.Suites;

return await new RootCommand("Measures what MlServe claims, each figure against a baseline in the same run.")
{
    ScorecardCommand.Create(),
    SuitesCommand.Create(),
}.Parse(args).InvokeAsync();
