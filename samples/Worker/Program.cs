using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MlServe.Samples.Worker;

var input = new Argument<FileInfo>("input")
{
    Description = "A CSV file with a header, 784 pixels (0 to 255) a row, and maybe a first column 'label'. Default: MNIST's test images.",
    Arity = ArgumentArity.ZeroOrOne,
};
input.AcceptExistingOnly();
var output = new Option<FileInfo?>("--output")
{
    Description = "The CSV file to write. Default: beside the input, with .scores.csv at its end.",
};
var onError = new Option<OnError>("--on-error") { Description = "What to do about a row that cannot be read." };
var batchRows = new Option<int>("--batch") { Description = "Rows to score at once, 1 to 4096.", DefaultValueFactory = static _ => 256 };
var resume = new Option<bool>("--resume") { Description = "Go on where the run before was stopped." };
batchRows.Validators.Add(static result =>
{
    if (result.GetValueOrDefault<int>() is < 1 or > 4096) result.AddError("--batch must be 1 to 4096.");
});

var command = new RootCommand("Scores a CSV file of handwritten digits in bulk.") { input, output, onError, batchRows, resume };
command.SetAction(async (arguments, cancellationToken) =>
{
    var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
    builder.Logging.SetMinimumLevel(LogLevel.Warning);
    builder.Services.AddMlServing().AddModel("digits", static model => model.FromFile("assets/digits.onnx"));
    builder.Services.AddSingleton<CsvScoring>();
    builder.Services.AddSingleton(ScoringOptions.From(
        arguments.GetValue(input), arguments.GetValue(output), arguments.GetValue(onError), arguments.GetValue(batchRows),
        arguments.GetValue(resume)));
    builder.Services.AddHostedService<ScoringService>();
    await builder.Build().RunAsync(cancellationToken);
    return Environment.ExitCode;
});

// The host listens to Ctrl+C itself.
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
