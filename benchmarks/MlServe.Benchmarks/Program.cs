using System.CommandLine;
using MlServe.Benchmarks.Load;
using MlServe.Benchmarks.Scorecard;

return await new RootCommand("Measures what MlServe claims, each figure against a baseline in the same run.")
{
    ScorecardCommand.Create(),
    LoadCommand.Create(),
}.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(15) });
