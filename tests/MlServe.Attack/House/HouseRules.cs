namespace MlServe.Attack.House;

/// <summary>What an answer of a composition may be.</summary>
internal sealed class HouseRules(HouseComposition composition, HouseModels models)
{
    /// <summary>What is wrong with it; null if nothing is.</summary>
    public string? FaultOf(in Prediction prediction, HouseRequest request)
    {
        if (prediction is { IsOk: true } && request.IsWrong)
        {
            // A value stands in for a model that did not come to look at the request.
            return prediction.Origin is { Source: PredictionSource.Fallback, Model: null }
                ? null
                : $"a wrong request was answered by {prediction.Origin.Source} of {prediction.Origin.Model}";
        }

        if (prediction.IsOk) return FaultOfAnswer(prediction, request);
        var error = prediction.Error;
        return IsExplained(error, request)
            ? null
            : $"{error.Status} ({error.Code}) is not explained: {error.Message} {error.Exception}";
    }

    private bool IsExplained(PredictionError error, HouseRequest request) => error.Status switch
    {
        PredictionStatus.Invalid => request.IsWrong || request.IsNotFinite,
        PredictionStatus.DeadlineExceeded => request.Options?.Timeout is not null || composition["timeout"] != "off",
        PredictionStatus.Overloaded => error.Code switch
        {
            PredictionErrorCode.QueueFull => composition["queue"] == "short",
            PredictionErrorCode.WaitTooLong =>
                request.Options?.Timeout is not null || composition["timeout"] != "off" || composition["level"] != "none",
            _ => error.Code == PredictionErrorCode.LayersOverrun && composition["layers"] != "none",
        },
        PredictionStatus.NotReady => error.Code == PredictionErrorCode.Draining && composition["swaps"] != "none",
        PredictionStatus.CircuitOpen => composition["breaker"] != "off",
        PredictionStatus.Failed => error.Code switch
        {
            PredictionErrorCode.FaultInjected => composition["chaos"] == "failures",
            PredictionErrorCode.OutputInvalid => composition["chaos"] == "nan" && composition["breaker"] != "off",
            PredictionErrorCode.UserCodeFailed => composition["layers"] == "throws",
            _ => false,
        },
        _ => false,
    };

    private string? FaultOfAnswer(in Prediction prediction, HouseRequest request)
    {
        if (request.IsNotFinite) return null;
        var origin = prediction.Origin;
        var answer = prediction[models.Output].AsSpan<float>();
        if (request.Rows.Length == 0 || answer.Length % request.Rows.Length != 0)
            return $"{answer.Length} numbers for {request.Rows.Length} rows";
        if (origin.Model is null && origin.Source != PredictionSource.Fallback) return $"a {origin.Source} of no model";
        if (origin.Source == PredictionSource.Fallback && composition["fallback"] == "none") return "a fallback of nobody";
        if (origin.Source is PredictionSource.Cache or PredictionSource.StaleCache && composition["cache"] == "off")
            return $"a {origin.Source} of no cache";
        if (origin is { Source: PredictionSource.Fallback, Model: null })
            return answer.ContainsAnyExcept((float)HouseHost.Value) ? "the value that stands in is another" : null;
        if (!models.Tables.TryGetValue((origin.Model!.Name, origin.Model.Version), out var table))
            return $"an answer of {origin.Model}, which is unknown";

        // Only the first number is spoilt, and a breaker that asks for finite ones lets none through.
        if (composition["chaos"] == "nan" && composition["breaker"] == "off" && float.IsNaN(answer[0])) return null;
        var length = answer.Length / request.Rows.Length;
        for (var i = 0; i < request.Rows.Length; i++)
        {
            if (!table.IsAnswerTo(request.Rows[i], answer.Slice(i * length, length)))
                return $"row {i} of {request.Rows.Length} is not that of {origin.Model} ({origin.Source}, batch of {origin.BatchRows}): "
                    + $"{string.Join(", ", answer.Slice(i * length, length).ToArray().Take(4))}";
        }

        return null;
    }
}
