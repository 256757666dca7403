using MlServe.Onnx.Probing;

namespace MlServe.Onnx;

/// <summary>
/// Runs made-up rows on a session whose rows lie along given axes. Their place in the outputs is still to be found, so outputs are read
/// whole.
/// </summary>
internal sealed class TrialLanes(
    OnnxSession session, ModelSignature candidate, ModelIdentity identity, OnnxModelOptions options, TrialRuns trials) : ITrial
{
    private readonly OnnxExecutor _executor = new(session, candidate, identity, options, foreseesOutputs: false);

    public PredictionError? Prepare(in PredictionInputs inputs, out PreparedRequest request) =>
        _executor.Prepare(in inputs, null, out request);

    public string? Run(ReadOnlySpan<TrialRow> rows, out OutputValue[] outputs)
    {
        outputs = [];
        OnnxLane? lane = null;
        try
        {
            PreparedRequest first = default;
            for (var i = 0; i < rows.Length; i++)
            {
                var inputs = rows[i].Inputs;
                if (_executor.Prepare(in inputs, null, out var request) is { } error) return error.Message;
                if (lane is null) (first, lane) = (request, _executor.RentLane(request.Shape, rows.Length));
                else if (!request.Shape.Equals(first.Shape)) return "The rows are of different shapes.";
                lane.Write(in inputs, in request, rows[i].SourceRow, 1, i);
            }

            if (trials.Run(lane!, rows.Length, first.Outputs) is { } failure) return failure.Message;
            outputs = lane!.ReadWhole();
            return null;
        }
        catch (Exception exception) when (exception is OverflowException or NotSupportedException or ArgumentException)
        {
            return exception.Message;
        }
        finally
        {
            lane?.Dispose();
        }
    }

    public void Dispose() => _executor.CloseIdle();
}
