using MlServe.Onnx.Inspection;

namespace MlServe.Cases;

/// <summary>
/// Runs a case as an application would: all rows at once, and again where memory for the outputs is bound by then; each output alone; and
/// each row alone where the model is batchable.
/// </summary>
internal static class CaseRunner
{
    public static async Task<CaseOutcome> RunAsync(ConformanceCase test)
    {
        try
        {
            await using var served = await Served.LoadAsync(test.Model);
            var info = OnnxInspector.Inspect(test.Model);
            var inputs = test.ReadInputs(info);
            var expected = test.ReadOutputs(info);
            return await AskAsync(served, PredictionInputs.Rows([.. inputs.Select(ToInput)]), expected, null, "first run: ")
                ?? await AskAsync(served, PredictionInputs.Rows([.. inputs.Select(ToInput)]), expected, null, "second run: ")
                ?? await AskForEachOutputAsync(served, inputs, expected)
                ?? await AskForEachRowAsync(served, inputs, expected)
                ?? new(CaseOutcomeKind.Right);
        }
        catch (ModelLoadException exception)
        {
            return new(CaseOutcomeKind.Refused, $"{exception.Failure}: {exception.Message}");
        }
        catch (Exception exception)
        {
            return new(CaseOutcomeKind.Crashed, exception.ToString());
        }
    }

    private static async Task<CaseOutcome?> AskForEachOutputAsync(
        Served served, IReadOnlyList<(string Name, CaseValue Value)> inputs, IReadOnlyList<CaseValue> expected)
    {
        for (var i = 0; expected.Count > 1 && i < expected.Count; i++)
        {
            var name = served.Signature.Outputs[i].Name;
            var options = new PredictionOptions { Outputs = [name] };
            if (await AskAsync(
                served, PredictionInputs.Rows([.. inputs.Select(ToInput)]), [expected[i]], options, $"only '{name}': ") is { } outcome)
                return outcome;
        }

        return null;
    }

    private static async Task<CaseOutcome?> AskForEachRowAsync(
        Served served, IReadOnlyList<(string Name, CaseValue Value)> inputs, IReadOnlyList<CaseValue> expected)
    {
        var signature = served.Signature;
        if (!signature.IsBatchable) return null;
        for (var row = 0; row < RowsOf(signature, inputs); row++)
        {
            var rowInputs = inputs.Select(input =>
                ToInput((input.Name, AxisOf(input.Name) is { } axis ? input.Value.RowAt(axis, row) : input.Value)));
            var rowOutputs = expected.Select((value, i) => value.RowAt(signature.Outputs[i].BatchAxis!.Value, row)).ToList();
            if (await AskAsync(served, PredictionInputs.Row([.. rowInputs]), rowOutputs, null, $"row {row}: ") is { } outcome)
                return outcome;
        }

        return null;

        int? AxisOf(string name) => signature.Inputs[signature.IndexOfInput(name)].BatchAxis;
    }

    private static async Task<CaseOutcome?> AskAsync(
        Served served, PredictionInputs inputs, IReadOnlyList<CaseValue> expected, PredictionOptions? options, string how)
    {
        using var prediction = await served.PredictAsync(inputs, options);
        if (!prediction.IsOk) return new(CaseOutcomeKind.Refused, $"{how}{prediction.Status}: {prediction.Error.Message}");
        if (prediction.Count != expected.Count) return new(CaseOutcomeKind.Wrong, $"{how}{prediction.Count} outputs vs {expected.Count}");
        for (var i = 0; i < expected.Count; i++)
        {
            if (expected[i].DifferenceTo(prediction[i]) is { } difference) return new(CaseOutcomeKind.Wrong, $"{how}out{i} {difference}");
        }

        return null;
    }

    private static PredictionInput ToInput((string Name, CaseValue Value) input) => input.Value.ToInput(input.Name);

    private static long RowsOf(ModelSignature signature, IReadOnlyList<(string Name, CaseValue Value)> inputs)
    {
        foreach (var (name, value) in inputs)
        {
            if (signature.Inputs[signature.IndexOfInput(name)].BatchAxis is { } axis) return value.SizeOf(axis);
        }

        return 0;
    }
}
