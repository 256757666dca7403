using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MlServe;
using MlServe.Batching;
using MlServe.Samples.QuickStart;

var assets = Path.Combine(AppContext.BaseDirectory, "assets");
var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services.AddMlServing()
    .AddModel("digits", model => model
        .FromFile("assets/digits.onnx")
        .WithServiceLevel(p99: TimeSpan.FromMilliseconds(10), availability: 0.999, peakRps: 500)
        .UseBatching()
        .AsDefault()
        .As<DigitImage, Digit>(new DigitMapper()))
    .AddModel("digits-small", model => model.FromFile("assets/digits-small.onnx"));

using var host = builder.Build();
await host.StartAsync(); // both models are loaded and warm when this returns

var images = MnistTestSet.Load(assets);
var digits = host.Services.GetRequiredService<IPredictor<DigitImage, Digit>>();
Console.WriteLine($"model: {host.Services.GetRequiredService<IPredictor>().Signature}");

var run = await Classification.RunAsync(digits, images, callers: 64);
var batches = host.Services.GetRequiredService<IPredictor>().GetService<BatchStatistics>()!;
DigitDrawing.Print(images, run.Answers, count: 5);

var small = await Classification.RunAsync(
    host.Services.GetRequiredKeyedService<IPredictor>("digits-small").As(new DigitMapper()), images, callers: 64);
await host.StopAsync();

FormattableString[] report =
[
    $"images: {images.Count}",
    $"accuracy: {run.Accuracy:0.0000}",
    $"accuracy_small: {small.Accuracy:0.0000}",
    $"throughput: {run.PerSecond:0}",
    $"mean_batch: {(double)batches.Rows / batches.Runs:0.0}",
    $"largest_batch: {batches.Costs[0].Limit}",
    $"p50_us: {run.Percentile(0.50):0.0}",
    $"p99_us: {run.Percentile(0.99):0.0}",
];
foreach (var line in report)
    Console.WriteLine(FormattableString.Invariant(line));

// 0.99 is what the model promises: anything less means that something is broken.
return run.Accuracy >= 0.99 ? 0 : 1;
