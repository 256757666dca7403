using MlServe.Benchmarks.Scorecard;

return args is ["scorecard", .. var rest]
    ? await ScorecardCommand.RunAsync(rest)
    : Usage();

static int Usage()
{
    Console.Error.WriteLine("""
        Measures what MlServe claims, as ratios against a baseline in the same run.

          dotnet run -c Release --project benchmarks/MlServe.Benchmarks -- scorecard [--json FILE] [--only PREFIX] [--windows N]

          --json FILE     also write the rows as JSON
          --only PREFIX   only rows whose name begins so
          --windows N     pairs of windows a row, 15 or more; default 21
        """);
    return 2;
}
