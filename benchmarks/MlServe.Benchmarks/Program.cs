using System.CommandLine;
using MlServe.Benchmarks.Scorecard;

return await new RootCommand("Measures what MlServe claims, each figure against a baseline in the same run.")
{
    ScorecardCommand.Create(),
}.Parse(args).InvokeAsync();
