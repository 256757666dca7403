using System.Globalization;
using System.Runtime.InteropServices;
using MlServe.Benchmarks.Measurement;
using Spectre.Console;

namespace MlServe.Benchmarks.Load;

/// <summary>One load test from its options to its report.</summary>
internal static class LoadTest
{
    private static readonly TimeSpan DefaultBound = TimeSpan.FromMilliseconds(10);

    /// <exception cref="LoadException">What is asked for cannot be done.</exception>
    public static async Task<LoadReport> RunAsync(
        string scenario, LoadRequestOptions options, LoadProgress progress, IAnsiConsole console, CancellationToken cancellationToken)
    {
        CheckCombinations(options);
        var sizes = RowShape.Parse(options.Dimensions);
        await using var model = await StartAsync(options, cancellationToken);
        var bound = options.Bound ?? model.ServiceLevel?.P99 ?? DefaultBound;
        var settings = new LoadSettings
        {
            Bound = bound,
            Confidence = options.Confidence,
            PeakRps = options.PeakRps ?? model.ServiceLevel?.PeakRps,
            Seconds = options.Seconds,
            IsFull = options.IsFull,
            Seed = options.Seed,
            MaxLag = options.MaxLag,
            Progress = progress,
        };
        var peak = scenario is "peak" or "burst" ? PeakOf(settings, options) : 0;
        if (scenario == "peak") PeakScenario.StepSeconds(settings, peak);

        var rows = await InputRows.FindAsync(model.Predictor, options.Inputs?.FullName, sizes, options.Seed, cancellationToken);
        var setup = Describe(scenario, options, settings, model, rows.Count);
        console.WriteLine($"LoadGen-style (not an MLPerf result): {scenario}");
        foreach (var (key, value) in setup)
            console.WriteLine($"{key}: {value}");

        var system = new LoadSystem(model.Predictor, rows, settings);
        await system.CalibrateAsync(model.MaxConcurrentRuns, model.Batches, cancellationToken);
        var started = DateTimeOffset.UtcNow;
        var report = await RunAsync(scenario, system, peak, cancellationToken);
        return report with { BoundMs = bound.TotalMilliseconds, Seed = options.Seed, StartedAt = started, Setup = setup };
    }

    private static Task<LoadReport> RunAsync(
        string scenario, LoadSystem system, double peak, CancellationToken cancellationToken) => scenario switch
        {
            "single" => SingleScenario.RunAsync(system, cancellationToken),
            "offline" => OfflineScenario.RunAsync(system, cancellationToken),
            "server" => Task.Run(() => new ServerScenario(system, cancellationToken).Run(), CancellationToken.None),
            "burst" => Task.Run(() => BurstScenario.Run(system, peak, cancellationToken), CancellationToken.None),
            _ => Task.Run(() => new PeakScenario(system, peak, cancellationToken).Run(), CancellationToken.None),
        };

    private static void CheckCombinations(LoadRequestOptions options)
    {
        if (options is { Model: not null, Settings: not null })
            throw new LoadException("--model and --settings both say which model to test. Give one of them.");
        if (options is { Name: not null, Settings: null })
            throw new LoadException("--name says which model of --settings to test. Give --settings too.");
        if (options is { UseBatching: false, Settings: not null })
            throw new LoadException(
                "--no-batching does not go with --settings, whose model is tested as it is configured. Set UseBatching there.");
    }

    private static double PeakOf(LoadSettings settings, LoadRequestOptions options) => settings.PeakRps ?? throw new LoadException(
        options.Settings is null
            ? "No peak rate is known. Give --peak-rps, or --settings whose model has ServiceLevel:PeakRps."
            : "No peak rate is known: the model has no ServiceLevel:PeakRps in its settings. Set it there, or give --peak-rps.");

    private static Task<ServedModel> StartAsync(LoadRequestOptions options, CancellationToken cancellationToken) =>
        options.Settings is { } settings
            ? ServedModel.FromSettingsAsync(settings.FullName, options.Name, cancellationToken)
            : ServedModel.FromFileAsync(
                options.Model?.FullName ?? Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx"), options.UseBatching,
                cancellationToken);

    private static Dictionary<string, string> Describe(
        string scenario, LoadRequestOptions options, LoadSettings settings, ServedModel model, int rows)
    {
        var setup = new Dictionary<string, string>
        {
            ["model"] = options.Settings is null
                ? Path.GetFileName(options.Model?.FullName ?? "digits.onnx")
                : $"{model.Name} of {options.Settings.Name}",
            ["signature"] = model.Predictor.Signature.ToString(),
            ["batching"] = model.Batches is null ? "off" : "on",
            ["rows"] = $"{rows}, {(options.Inputs is { } file ? $"from {file.Name}" : "made up from the signature")}",
            ["bound"] = $"{Durations.Format(settings.Bound)} for 99 % of the requests, confidence "
                + $"{settings.Confidence.ToString(CultureInfo.InvariantCulture)}",
            ["seed"] = settings.Seed.ToString(CultureInfo.InvariantCulture),
            ["machine"] = Machine.Describe(),
            ["mlserve"] = typeof(IPredictor).Assembly.GetName().Version?.ToString(3) ?? "?",
            ["process"] = $"{RuntimeInformation.ProcessArchitecture}, generator in the same process",
        };
        if (scenario is "peak" or "burst") setup["peak"] = string.Create(CultureInfo.InvariantCulture, $"{settings.PeakRps:#,0.##}/s");
        return setup;
    }
}
