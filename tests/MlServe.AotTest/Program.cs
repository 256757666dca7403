using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MlServe;
using MlServe.AotTest;
using MlServe.Samples.QuickStart;

const int Images = 200;
var checks = new Checks();
var patience = TimeSpan.FromSeconds(30);

// Mistakes in appsettings.Mistaken.json are all found, and named by their keys.
using (var mistaken = HostOf("Mistaken"))
{
    var message = "";
    try
    {
        await mistaken.StartAsync();
    }
    catch (OptionsValidationException exception)
    {
        message = exception.Message;
    }

    checks.That(
        message.Contains("MlServing:MaxConcurrentRuns is 0", StringComparison.Ordinal),
        $"a value out of range is refused by its key: {message}");
    checks.That(
        message.Contains("MlServing:Models:digits:ServiceLevel:P99 is '10'", StringComparison.Ordinal),
        $"an unreadable value is refused: {message}");
    checks.That(
        message.Contains("MlServing:Models:digits:Onnx:IntraOpThread is not a known key", StringComparison.Ordinal),
        $"an unknown key is refused: {message}");
}

using var counters = new CounterListener(MlServeDiagnostics.TotalPredictionsCounter);
using var meters = new MeterListener();
var measured = 0;
meters.InstrumentPublished = static (instrument, listener) =>
{
    if (instrument.Meter.Name == MlServeDiagnostics.MeterName && instrument.Name == MlServeDiagnostics.PredictionDurationMetric)
        listener.EnableMeasurementEvents(instrument);
};
meters.SetMeasurementEventCallback<double>((_, _, _, _) => Interlocked.Increment(ref measured));
meters.Start();

using (var host = HostOf("Production"))
{
    await host.StartAsync();

    var options = host.Services.GetRequiredService<IOptionsMonitor<ModelOptions>>().Get("digits");
    checks.That(options is { UseCache: true, Cache.SizeLimit: 1_000_000 }, "the cache's options are bound");
    checks.That(options.ServiceLevel.P99 == TimeSpan.FromMilliseconds(10), "a duration is bound");
    checks.That(options.Onnx.Optimization == MlServe.Onnx.GraphOptimization.Basic, "an enumeration is bound");
    checks.That(options.Onnx.WarmUpRows is [1, 4], "a list is bound");
    checks.That(
        options.Onnx.NonFiniteInputs["*"] == (MlServe.Tensors.NonFiniteValues.NaN | MlServe.Tensors.NonFiniteValues.NegativeInfinity),
        "a dictionary of flags is bound");
    checks.That(options.Onnx.ExecutionProviders is [{ Provider: MlServe.Onnx.ExecutionProvider.Cpu }], "a list of objects is bound");

    var limit = host.Services.GetRequiredService<IPredictor>().GetService<LimitLayer>()?.Options;
    checks.That(
        limit is { Usual.Max: 4, Ranges: [{ Max: 1, Day: DayOfWeek.Friday }, { Max: 2 }] },
        "objects of a feature of the application's are bound and copied");
    checks.That(limit?.Rows["y:0"] is [1, 2.5] && limit.Named["a"].Max == 3, "dictionaries of lists and of objects are bound and copied");

    var images = MnistTestSet.Load(Path.Combine(AppContext.BaseDirectory, "assets"));
    var digits = host.Services.GetRequiredService<IPredictor>();
    var typed = digits.As(new DigitMapper());
    var right = 0;
    for (var i = 0; i < Images; i++)
    {
        if ((await typed.PredictAsync(images[i])).Value == images.LabelOf(i)) right++;
    }

    checks.That(right >= 0.98 * Images, $"{right} of {Images} images are read right");

    using (var prediction = await digits.PredictAsync(PredictionInputs.Row(new float[5])))
        checks.That(prediction.Status == PredictionStatus.Invalid, $"a row of a wrong size is {prediction.Status}");

    using (var prediction = await host.Services.GetRequiredKeyedService<IPredictor>("digits")
        .PredictAsync(PredictionInputs.Row(new float[784])))
        checks.That(prediction.IsOk && prediction.Origin.Model is { Version: "7" }, $"the version is bound: {prediction.Origin.Model}");

    checks.That(Volatile.Read(ref measured) >= Images, $"the meter measured {measured} predictions");
    checks.That(await Task.WhenAny(counters.Value, Task.Delay(patience)) == counters.Value, "the EventSource reports predictions");
    await host.StopAsync();
}

// While it is written, the program runs under the JIT compiler, which needs assemblies.
var kind = AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") is null ? "aot" : "jit";
Console.WriteLine($"{kind}: {checks.Passed} checks passed, {checks.Failed} failed");
if (checks.Failed > 0) return 1;
Console.WriteLine(FormattableString.Invariant($"size: {new FileInfo(Environment.ProcessPath!).Length / 1e6:0.0} MB"));
Console.WriteLine($"{kind}: ok");
return 0;

static IHost HostOf(string environment)
{
    var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings
    {
        ContentRootPath = AppContext.BaseDirectory,
        EnvironmentName = environment,
    });
    builder.Services.AddMlServing().AddFeature<LimitFeature>();
    return builder.Build();
}
