using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using MlServe.Caching;
using MlServe.Onnx;
using MlServe.Resilience;

namespace MlServe.ChildProcess.Guests;

/// <summary>
/// A day in the life of a host: start, load, circuits, caches that switch off, reloads, and a stop while requests are under way; with
/// guests that throw.
/// </summary>
internal sealed class GuestDay(string kind, Mischief mischief, string folder)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ThrowingClock _clock = new(mischief);
    private readonly TaskCompletionSource _hold = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _swapHold = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Ledger Ledger { get; } = new();

    public bool HasStopped { get; private set; }

    public IReadOnlyDictionary<string, object> StatesAtTheEnd { get; private set; } = new Dictionary<string, object>();

    public async Task RunAsync(Action observe)
    {
        Prepare();
        var host = GuestHost.Build(kind, mischief, _clock, folder, _hold.Task, _swapHold.Task);
        Mischief.Tenant.Value = "starter";
        await host.StartAsync().WaitAsync(Patience).ConfigureAwait(false);
        Mischief.Tenant.Value = "caller";
        observe();
        using var over = new CancellationTokenSource();
        var background = Enumerable.Range(0, 8)
            .Select(caller => Task.Run(() => KeepAskingAsync(Get(host, "main"), caller, over.Token))).ToArray();
        await AskAllAsync(host).ConfigureAwait(false);
        await new GuestCallers(Ledger, mischief, Get(host, "main")).RunAsync().ConfigureAwait(false);
        await MoveCircuitsAsync(host).ConfigureAwait(false);
        await SwitchCacheOffAndOnAsync(Get(host, "worthless")).ConfigureAwait(false);
        await AskSecondLevelAgainAsync(Get(host, "hosted")).ConfigureAwait(false);
        observe();
        await ReloadAsync(host).ConfigureAwait(false);
        await CheckHealthAsync(host).ConfigureAwait(false);
        observe();
        var held = Ledger.AskAsync(Get(host, "held"), [1, 2, 3]);
        await StopAsync(host).ConfigureAwait(false);
        observe();
        await over.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(background).ConfigureAwait(false);
        _hold.SetResult();
        await held.ConfigureAwait(false);
        DisposeOf(host);
    }

    /// <summary>The host disposes its own meters, and tells their listeners: what those throw there is between the two.</summary>
    private static void DisposeOf(IHost host)
    {
        try
        {
            host.Dispose();
        }
        catch (GuestException)
        {
        }
    }

    private static IPredictor Get(IHost host, string model) => host.Services.GetRequiredService<IPredictorProvider>().GetPredictor(model);

    /// <summary>The caller's own mistake, or a model that goes: what requests get while the host stops.</summary>
    private static bool IsStopping(PredictionError? error, Exception? exception) =>
        error is { Status: PredictionStatus.NotReady } || exception is ObjectDisposedException;

    private static bool IsGuests(Exception? exception) => exception is GuestException;

    /// <summary>Where the chain has nothing that answers: what the model itself said.</summary>
    private static bool IsFault(PredictionError? error, Exception? exception) =>
        error is { Status: PredictionStatus.Failed or PredictionStatus.CircuitOpen };

    private void Prepare()
    {
        File.WriteAllBytes(Path.Combine(folder, "sum.onnx"), Models.Sum);
        File.WriteAllBytes(Path.Combine(folder, "other.onnx"), Models.Other);

        // An entry that cannot be opened.
        var optimized = Path.Combine(folder, "optimized");
        using (OnnxPredictor.LoadAsync(ModelSource.FromBytes(Models.Sum), new() { OptimizedModelCacheFolder = optimized })
            .AsTask()
            .GetAwaiter()
            .GetResult())
        {
        }

        foreach (var file in Directory.GetFiles(optimized, "*.onnx"))
            File.WriteAllText(file, "This is no model.");
    }

    private async Task KeepAskingAsync(IPredictor predictor, int caller, CancellationToken over)
    {
        for (var i = 0; !over.IsCancellationRequested; i++)
        {
            // A request during which the clock is put forward by hours is late.
            var ahead = _clock.Ahead;
            await Ledger.AskAsync(
                predictor, [caller, i, i % 7],
                isDeserved: (error, exception) => IsStopping(error, exception)
                    || (error is { Status: PredictionStatus.DeadlineExceeded } && _clock.Ahead != ahead),
                cancellationToken: CancellationToken.None).ConfigureAwait(false);
            if (i % 16 == 0 || over.IsCancellationRequested) await Task.Delay(1, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task AskAllAsync(IHost host)
    {
        for (var i = 0; i < 60; i++)
        {
            float[] row = [i / 2, 2, 3];
            await Ledger.AskAsync(Get(host, "main"), row, isDeserved: null).ConfigureAwait(false);
            await Ledger.AskAsync(Get(host, "checked"), row).ConfigureAwait(false);
            await Ledger.AskAsync(Get(host, "configured"), row).ConfigureAwait(false);
            await Ledger.AskAsync(Get(host, "chaotic"), row, isDeserved: IsFault).ConfigureAwait(false);
            await Ledger.AskAsync(Get(host, "stoodinfor"), row, isRight: static value => value == -1).ConfigureAwait(false);
            await Ledger.AskAsync(
                Get(host, "layered"), row, isDeserved: static (_, exception) => IsGuests(exception)).ConfigureAwait(false);
            await Ledger.AskAsync(Get(host, "hosted"), row).ConfigureAwait(false);
            await Ledger.AskAsync(Get(host, "gpu"), row).ConfigureAwait(false);
            await Ledger.AskAsync(Get(host, "optimized"), row).ConfigureAwait(false);
            await Ledger.AskAsync(
                Get(host, "absent"), row,
                isDeserved: static (error, _) => error is { Status: PredictionStatus.NotReady }).ConfigureAwait(false);
            if (i % 12 == 0)
                await Ledger.AskAsync(
                    Get(host, "timed"), row,
                    isDeserved: static (error, _) => error is { Status: PredictionStatus.DeadlineExceeded }).ConfigureAwait(false);
        }

        await Task.WhenAll(Enumerable.Range(0, 400)
            .Select(i =>
                Ledger.AskAsync(
                    Get(host, "twice"), [i, 1, 1], isDeserved: static (_, exception) => IsGuests(exception)))).ConfigureAwait(false);
    }

    private async Task MoveCircuitsAsync(IHost host)
    {
        var predictor = Get(host, "checked");
        var circuit = predictor.GetService<ICircuitBreaker>()!;
        var heard = 0;
        circuit.StateChanged += (_, _) => mischief.Call("callback.StateChanged");
        circuit.StateChanged += (_, _) => Interlocked.Increment(ref heard);
        circuit.Isolate();
        await Ledger.AskAsync(predictor, [1, 2, 3], isDeserved: IsFault).ConfigureAwait(false);
        circuit.Close();
        circuit.Open(TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 2000 && circuit.State != CircuitState.Closed; i++)
        {
            await Task.Delay(1).ConfigureAwait(false);
            await Ledger.AskAsync(predictor, [1, 2, 3], isDeserved: IsFault).ConfigureAwait(false);
        }

        Ledger.Begin();
        if (circuit.State == CircuitState.Closed && Volatile.Read(ref heard) >= 5)
            Ledger.Judge(Prediction.FromError(new(PredictionStatus.Failed, default, "")), [], null, static (_, _) => true);
        else Ledger.Judge(new InvalidOperationException(), static (_, _) => false);
    }

    private async Task SwitchCacheOffAndOnAsync(IPredictor predictor)
    {
        var statistics = () => predictor.GetService<CacheStatistics>()!;
        for (var i = 0; i < 400_000 && statistics().IsOn; i += 1000)
        {
            for (var j = 0; j < 1000; j++)
                await Ledger.AskAsync(predictor, [i, j, 1]).ConfigureAwait(false);
        }

        // It is tried again after a pause, and pays where all is known.
        _clock.PutForward(TimeSpan.FromHours(2));
        for (var i = 0; i < 40_000; i++)
            await Ledger.AskAsync(predictor, [7, 7, 7]).ConfigureAwait(false);
    }

    /// <summary>After each failure it is left alone for a while.</summary>
    private async Task AskSecondLevelAgainAsync(IPredictor predictor)
    {
        for (var i = 0; i < 48; i++)
        {
            await Ledger.AskAsync(predictor, [i, 77, 3]).ConfigureAwait(false);
            await Task.Delay(5).ConfigureAwait(false);
            _clock.PutForward(TimeSpan.FromSeconds(10));
        }
    }

    private async Task ReloadAsync(IHost host)
    {
        Mischief.Tenant.Value = "reloader";
        var configuration = ThrowingConfiguration.Of(host.Services.GetRequiredService<IConfiguration>());

        // Asked for before the reload is seen, which begins its load.
        configuration.Set("MlServing:Models:early:Path", "sum.onnx");
        _ = Get(host, "early");
        configuration.Change(
            ("MlServing:Models:added:Path", "sum.onnx"), ("MlServing:Models:broken:Path", "none.onnx"),
            ("MlServing:Models:configured:Version", "2"),
            ("MlServing:Models:configured:Fallback:0:Value:y:0", "1"),
            ("MlServing:Models:leaving:Path", null), ("MlServing:Models:misfit:Path", "sum.onnx"),
            ("MlServing:Models:misfit:Fallback:0:Model", "different"),
            ("MlServing:Models:different:Path", "other.onnx"));
        for (var i = 0; i < 1000 && Get(host, "added").GetService<ModelIdentity>() is null; i++)
            await Task.Delay(10).ConfigureAwait(false);
        await Ledger.AskAsync(Get(host, "added"), [1, 2, 3]).ConfigureAwait(false);
        await Ledger.AskAsync(Get(host, "misfit"), [1, 2, 3], isDeserved: IsStopping).ConfigureAwait(false);

        // Its reload runs in the background; a change that came before it ends would be taken together with this one.
        for (var i = 0; i < 500 && Get(host, "configured").GetService<ModelIdentity>()?.Version != "2"; i++)
            await Task.Delay(10).ConfigureAwait(false);
        configuration.Unreadable = "MlServing:Models:configured";
        try
        {
            configuration.Change(("MlServing:Models:configured:Version", "3"));
        }
        finally
        {
            configuration.Unreadable = null;
        }

        await Task.Delay(300).ConfigureAwait(false);

        // The live version stays, and the former one of another model is waited for in vain.
        configuration.Change(("MlServing:Models:configured:Path", "none.onnx"));
        await SwapAsync(host).ConfigureAwait(false);
        Mischief.Tenant.Value = "caller";
    }

    /// <summary>Another version takes the place of one that holds a request for longer than it is waited for.</summary>
    private async Task SwapAsync(IHost host)
    {
        var held = Ledger.AskAsync(Get(host, "swapped"), [1, 2, 3]);
        var reload = host.Services.GetRequiredKeyedService<IModelVersions>("swapped").ReloadAsync();
        for (var i = 0; i < 1000 && !reload.IsCompleted; i++)
        {
            await Task.Delay(10).ConfigureAwait(false);
            if (i % 20 == 19) _clock.PutForward(GuestHost.DrainTimeout);
        }

        _swapHold.SetResult();
        await held.ConfigureAwait(false);
        await reload.WaitAsync(Patience).ConfigureAwait(false);
        await Ledger.AskAsync(Get(host, "swapped"), [1, 2, 3]).ConfigureAwait(false);
    }

    private async Task CheckHealthAsync(IHost host)
    {
        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync().ConfigureAwait(false);
        Ledger.Begin();
        var entry = report.Entries["mlserving"];
        if (entry.Status == HealthStatus.Degraded && (string)entry.Data["main"] == "Ready"
            && (string)entry.Data["absent"] is "Failed" or "Loading")
            Ledger.Judge(Prediction.FromError(new(PredictionStatus.Failed, default, "")), [], null, static (_, _) => true);
        else
            Ledger.Judge(
                Prediction.FromError(new(
                    PredictionStatus.Failed, default, $"{entry.Status}: {entry.Description}".Replace("{", "", StringComparison.Ordinal))),
                []);
    }

    private async Task StopAsync(IHost host)
    {
        var stop = host.StopAsync();
        await Task.WhenAny(stop, Task.Delay(Patience)).ConfigureAwait(false);
        HasStopped = stop.IsCompletedSuccessfully;
        StatesAtTheEnd = (await host.Services.GetRequiredService<HealthCheckService>()
            .CheckHealthAsync().ConfigureAwait(false)).Entries["mlserving"].Data;
    }
}
