using System.CommandLine;
using MlServe.Benchmarks.Load;
using MlServe.Benchmarks.Quantization;
using MlServe.Benchmarks.Scale;
using MlServe.Benchmarks.Scorecard;
using MlServe.Benchmarks.Suites;

if (args is [ColdStartChild.Command, var started])
{
    await ColdStartChild.RunAsync(started);
    return 0;
}

if (args is [ColdStartChild.RawCommand])
{
    await ColdStartChild.RunRawAsync();
    return 0;
}

if (args is [LoadChild.Command, var loadWay, var folder])
{
    await LoadChild.RunAsync(Enum.Parse<LoadWay>(loadWay), folder);
    return 0;
}

if (args is [FirstSecondsChild.Command, var ofModel])
{
    await FirstSecondsChild.RunAsync(ofModel);
    return 0;
}

if (args is [BlockingChild.Command, var way, var maxThreads])
{
    BlockingChild.Run(Enum.Parse<BlockingWay>(way), maxThreads);
    return 0;
}

const int WrongUse = 2;
var parsed = new RootCommand("Measures what MlServe claims, each figure against a baseline in the same run, and load tests models.")
{
    ScorecardCommand.Create(),
    LoadCommand.Create(),
    ScaleCommand.Create(),
    SuitesCommand.Create(),
    QuantizationCommand.Create(),
}.Parse(args);
var code = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(15) });
return parsed.Errors.Count > 0 ? WrongUse : code;
