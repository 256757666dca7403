using System.CommandLine;
using MlServe.Benchmarks.Scorecard;

if (args is [ColdStartChild.Command, var started])
{
    await ColdStartChild.RunAsync(started);
    return 0;
}

return await new RootCommand("Measures what MlServe claims, each figure against a baseline in the same run.")
{
    ScorecardCommand.Create(),
}.Parse(args).InvokeAsync();
