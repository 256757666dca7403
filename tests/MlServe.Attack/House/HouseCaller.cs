namespace MlServe.Attack.House;

/// <summary>One caller: asks a number of requests, one after the other, and holds each answer against what it says it is.</summary>
internal sealed class HouseCaller(
    HouseComposition composition, HouseModels models, HouseLedger ledger, IPredictor door, int number, Random random)
{
    private const int Kept = 8;

    private readonly Queue<(Prediction Prediction, HouseRequest Request)> _kept = new();
    private readonly HouseRules _rules = new(composition, models);

    /// <summary>Whether this caller keeps a thread for each request.</summary>
    public bool IsBlocking => composition["callers"] switch
    {
        "await" => false,
        "mixed" => number % 2 == 0,
        _ => true,
    };

    private bool IsSynchronous => composition["callers"] == "synchronous" || (composition["callers"] == "mixed" && number % 4 == 0);

    public async Task RunAsync(int requests)
    {
        for (var i = 0; i < requests; i++)
        {
            var request = HouseRequest.Draw(composition, models, random);
            using var source = random.Next(8) == 0 ? new CancellationTokenSource() : null;
            if (source is not null && random.Next(3) == 0) await source.CancelAsync().ConfigureAwait(false);
            else source?.CancelAfter(TimeSpan.FromMilliseconds(random.Next(4)));
            ledger.Begin();
            await AskAsync(request, source).ConfigureAwait(false);
        }

        while (_kept.Count > 0)
            LetGo();
    }

    private async Task AskAsync(HouseRequest request, CancellationTokenSource? source)
    {
        try
        {
            var pending = Ask(request, source?.Token ?? default);
            var prediction = IsBlocking && !pending.IsCompleted
                ? pending.AsTask().GetAwaiter().GetResult()
                : await pending.ConfigureAwait(false);
            var origin = prediction.Origin;
            var version = (origin.Source == PredictionSource.Fallback ? origin.FallbackReason?.Model : origin.Model)?.Version ?? "";
            ledger.End(prediction.IsOk ? HouseLedger.Ok : prediction.Status.ToTag(), version);
            if (_rules.FaultOf(prediction, request) is { } fault) ledger.Break(fault);
            Dispose(prediction, request);
        }
        catch (OperationCanceledException exception)
        {
            ledger.End(MlServeDiagnostics.CancelledErrorType, "");
            if (source is not { IsCancellationRequested: true }) ledger.Break($"cancelled, and nobody had: {exception}");
        }
        catch (HouseException exception)
        {
            ledger.End(MlServeDiagnostics.ExceptionErrorType, "");
            if (composition["layers"] != "throws") ledger.Break($"nothing of the application's throws to its caller here: {exception}");
        }
#pragma warning disable CA1031 // None is documented for a request.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            ledger.End(MlServeDiagnostics.ExceptionErrorType, "");
            ledger.Break($"not documented: {exception}");
        }
    }

    private ValueTask<Prediction> Ask(HouseRequest request, CancellationToken token) => IsSynchronous
        ? new(door.Predict(request.Inputs, request.Options, token))
        : door.PredictAsync(request.Inputs, request.Options, token);

    private void Dispose(Prediction prediction, HouseRequest request)
    {
        if (composition["answers"] == "dropped" && random.Next(4) == 0) return;
        if (composition["answers"] != "kept" || !prediction.IsOk)
        {
            prediction.Dispose();
            return;
        }

        _kept.Enqueue((prediction, request));
        if (_kept.Count > Kept) LetGo();
    }

    private void LetGo()
    {
        var (prediction, request) = _kept.Dequeue();
        using (prediction)
        {
            if (_rules.FaultOf(prediction, request) is { } fault) ledger.Break($"later on: {fault}");
        }
    }
}
