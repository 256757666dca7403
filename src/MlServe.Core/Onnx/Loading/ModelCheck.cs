using System.Globalization;
using MlServe.Onnx.Verification;

namespace MlServe.Onnx;

/// <summary>Does with a model what a host does when it loads it.</summary>
internal static class ModelCheck
{
    public static async Task<CheckVerdict> RunAsync(
        CheckRequest request, ReadOnlyMemory<byte> model, CancellationToken cancellationToken)
    {
        try
        {
            var options = OptionsOf(request);
            var source = new Given(new(model, request.Origin, request.Folder));
            var predictor = await OnnxPredictor.LoadAsync(
                source, options, new() { Name = request.Name, IsCheck = true }, cancellationToken).ConfigureAwait(false);
            await using (predictor.ConfigureAwait(false))
            {
                return new(null, predictor.Signature.BatchingNote);
            }
        }
        catch (ModelLoadException exception) when (exception.InnerException is { } inner && OrtErrors.IsOutOfMemory(inner))
        {
            return new(
                ModelLoadFailure.VerificationFailed,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"it takes more memory than it may ({request.MaxMemoryBytes} bytes, Verification.MaxMemoryBytes): "
                    + $"{exception.Message}"));
        }
        catch (ModelLoadException exception)
        {
            return new(exception.Failure, exception.Message);
        }
        catch (OutOfMemoryException exception)
        {
            return new(
                ModelLoadFailure.VerificationFailed,
                $"it takes more memory than it may ({request.MaxMemoryBytes} bytes): {exception.Message}");
        }
    }

    private static OnnxModelOptions OptionsOf(CheckRequest request)
    {
        var options = new OnnxModelOptions
        {
            AllowExternalData = request.Folder is not null,
            Optimization = Enum.Parse<GraphOptimization>(request.Optimization),
            IntraOpThreads = request.IntraOpThreads,
            RunAtLoad = request.IsRun,
            BatchDetection = request.FindsBatchAxis ? BatchDetection.Probe : BatchDetection.None,
            BatchAxis = request.BatchAxis,
            BatchAxes = request.BatchAxes,
            FreeDimensions = request.FreeDimensions,
            SessionEntries = request.SessionEntries,
            WarmUpRows = request.WarmUpRows,
            WarmUpRuns = request.WarmUpRuns,

            // Who started this ends it.
            LoadTimeout = TimeSpan.FromDays(1),
        };
        options.InspectionLimits.Take(request.InspectionLimits);
        return options;
    }

    private sealed class Given(ModelContent content) : IModelSource
    {
        public ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default) => new(content);
    }
}
