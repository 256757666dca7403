using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MlServe;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Quantization;
using MlServe.Samples.QuickStart;

var assets = Path.Combine(AppContext.BaseDirectory, "assets");
var images = MnistTestSet.Load(assets);

// The INT8 model is calibrated on the last images, and its accuracy counted on all the others.
const int Calibration = 200;
var counted = images.Count - Calibration;
QuantizationReport? quantized = null;

var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
builder.Logging.SetMinimumLevel(LogLevel.Error);

// A model that breaks on purpose: nine of ten runs fail. Only configuration can ask for that.
builder.Configuration.AddInMemoryCollection(
[
    new("MlServing:Models:digits-broken:Chaos:Enabled", "true"),
    new("MlServing:Models:digits-broken:Chaos:FailureRate", "0.9"),
]);
builder.Services.AddMlServing()
    .AddModel("digits", model => model
        .FromFile("assets/digits.onnx")
        .WithServiceLevel(p99: TimeSpan.FromMilliseconds(10), availability: 0.999, peakRps: 500)
        .UseBatching()
        .AsDefault()
        .As<DigitImage, Digit>(new DigitMapper()))
    .AddModel("digits-small", model => model.FromFile("assets/digits-small.onnx"))
    .AddModel("digits-cached", model => model.FromFile("assets/digits.onnx").UseCache().UseBatching())
    .AddModel("digits-broken", model => model
        .FromFile("assets/digits.onnx")
        .UseFallback(fallback => fallback.To("digits-small"))
        .UseCircuitBreaker()
        .UseBatching())
    .AddModel("digits-int8", model => model
        .FromFile("assets/digits.onnx")
        .UseBatching()
        .Quantize(quantization =>
        {
            quantization.CacheFolder = Path.Combine(AppContext.BaseDirectory, "quantized"); // the next start finds it there
            quantization.OnReport = report => quantized = report;
            quantization.CalibrateWith(Enumerable.Range(counted, Calibration).Select(images.Sample));
            // This network is too small to gain speed by integers. The default gate asks for that, and would serve FP32.
            quantization.Options = quantization.Options with
            {
                Method = QuantizationMethod.Static,
                Gate = new() { MinSpeedup = 0, MinSpeed = 0 },
            };
        }));

using var host = builder.Build();
await host.StartAsync(); // all models are loaded and warm when this returns

var digits = host.Services.GetRequiredService<IPredictor<DigitImage, Digit>>();
Console.WriteLine($"model: {host.Services.GetRequiredService<IPredictor>().Signature}");

var run = await Classification.RunAsync(digits, images, callers: 64);
var batches = host.Services.GetRequiredService<IPredictor>().GetService<BatchStatistics>()!;
DigitDrawing.Print(images, run.Answers, count: 5);

var small = await Classification.RunAsync(
    host.Services.GetRequiredKeyedService<IPredictor>("digits-small").As(new DigitMapper()), images, callers: 64);
var int8 = await Classification.RunAsync(
    host.Services.GetRequiredKeyedService<IPredictor>("digits-int8").As(new DigitMapper()), images, callers: 64);

var cached = host.Services.GetRequiredKeyedService<IPredictor>("digits-cached");
await ReplayedStream.RunAsync(cached, ReplayedStream.Skewed(images.Count, 20_000), images, callers: 16);
var cache = cached.GetService<CacheStatistics>()!;
var broken = await ReplayedStream.RunAsync(
    host.Services.GetRequiredKeyedService<IPredictor>("digits-broken"), [.. Enumerable.Range(0, images.Count)], images, callers: 16);
await host.StopAsync();

var int8Accuracy = int8.AccuracyOfFirst(images, counted);
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
    $"int8_method: {quantized?.Method}",
    $"int8_accuracy: {int8Accuracy:0.0000} of the first {counted} images, FP32 {run.AccuracyOfFirst(images, counted):0.0000}",
    $"int8_speed: {quantized?.Speed?.Ratio:0.00} of FP32's, a row at a time",
    $"int8_throughput: {int8.PerSecond:0}",
    $"int8_size: {quantized?.Bytes} bytes, FP32 {quantized?.SourceBytes}",
    $"cache_hit_rate: {cache.HitRate:0.00} of 20,000 requests, a few images asked for often and most of them rarely",
    $"cache_time_saved_ms: {cache.TimeSaved.TotalMilliseconds:0}",
    $"broken_answered: {broken.Answered} of {images.Count}, although nine of ten runs of the model fail",
    $"broken_shares: {broken.Shares}",
    $"broken_accuracy: {broken.Accuracy:0.0000}",
];
foreach (var line in report)
    Console.WriteLine(FormattableString.Invariant(line));

// 0.99 is what the model promises: anything less means that something is broken.
return run.Accuracy >= 0.99 ? 0 : 1;
