using Microsoft.ML.OnnxRuntime;
using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Onnx.Graphs;
using MlServe.Onnx.Rows;
using MlServe.TestModels;

namespace MlServe.Attack.Models;

/// <summary>What became of a generated model.</summary>
/// <param name="Seed">Its number.</param>
/// <param name="Kind">How it was made.</param>
/// <param name="IsBatched">Whether MlServe batches it by itself.</param>
/// <param name="Proof">What the graph alone tells.</param>
/// <param name="Note">What MlServe says of its decision.</param>
/// <param name="Wrong">An answer in a batch that is not the row's own; null where there is none.</param>
/// <param name="Discarded">How many others were discarded.</param>
internal sealed record ModelTrial(int Seed, string Kind, bool IsBatched, string Proof, string Note, string? Wrong, int Discarded = 0)
{
    private const int Rows = 4;

    /// <summary>What is rounding, as a share of an output's largest value.</summary>
    private const double Tolerance = 1e-4;

    /// <summary>Tries a model; null for one that does not show what is claimed of it.</summary>
    public static async Task<ModelTrial?> MakeAsync(RowModel model, int seed, CancellationToken cancellationToken)
    {
        var values = model.Make(new Random(seed), Rows);
        var rows = model.Inputs.Where(static input => input.Axis is not null)
            .Max(input => (int)values[input.Name].Shape[input.Axis!.Value]);
        List<IReadOnlyList<IReadOnlyList<RowTensor>>> alone = [];
        try
        {
            using var oracle = new RowOracle(model.Bytes);
            var outcome = oracle.Compare(model.WithAxes(values), rows, new int?[oracle.OutputNames.Count], Tolerance, out _);
            if (outcome != (model.IsDependent ? RowOutcome.Differs : RowOutcome.Same)) return null;
            for (var row = 0; row < rows && !model.IsDependent; row++)
                alone.Add(oracle.Run(RowOf(model, values, row), out _)!);
        }
        catch (OnnxRuntimeException)
        {
            return null;
        }

        var graph = OnnxGraph.Read(model.Bytes);
        var axes = model.Inputs.ToDictionary(static input => input.Name, static input => input.Axis);
        var proof = RowFlow.Follow(graph, [.. graph.SessionInputs.Select(input => axes[input.Name])], cancellationToken);
        var (isBatched, note, wrong) = await ServeAsync(model.Bytes, async predictor =>
            model.IsDependent ? null : await FindWrongAsync(predictor, model, values, alone, cancellationToken).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);

        // What is not loaded is not batched either, which shows nothing of rows that depend on each other.
        if (isBatched is null && model.IsDependent) return null;
        return new(
            seed, model.Kind, isBatched ?? false, proof.Verdict.ToString(),
            $"{note} The graph: {(proof.Reason.Length > 0 ? proof.Reason : "proved")}.", wrong);
    }

    /// <summary>Loads a model and says whether it is batched by itself; null where it does not load.</summary>
    public static async Task<(bool? IsBatched, string Note)> LoadAsync(byte[] model, CancellationToken cancellationToken)
    {
        var (isBatched, note, _) = await ServeAsync(
            model, static _ => Task.FromResult<string?>(null), cancellationToken).ConfigureAwait(false);
        return (isBatched, note);
    }

    private static async Task<(bool? IsBatched, string Note, string? Wrong)> ServeAsync(
        byte[] model, Func<IPredictor, Task<string?>> ask, CancellationToken cancellationToken)
    {
        OnnxPredictor? loaded = null;
        try
        {
            loaded = await OnnxPredictor.LoadAsync(
                ModelSource.FromBytes(model, "generated"), null, null, cancellationToken).ConfigureAwait(false);
            var signature = loaded.Signature;
            if (!signature.IsBatchable || !signature.RowsAreIndependent) return (false, signature.BatchingNote, null);

            // With each of its rows in the queue, a batch holds several.
            var batched = new PredictorBuilder(loaded).UseBatching(static batching => (batching.MaxBatchSize, batching.RunMode) =
                (8, RunMode.Queued)).Build();
            await using (batched.ConfigureAwait(false))
                return (true, signature.BatchingNote, await ask(batched).ConfigureAwait(false));
        }
        catch (ModelLoadException exception)
        {
            return (null, exception.Message, null);
        }
        finally
        {
            if (loaded is not null) await loaded.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task<string?> FindWrongAsync(
        IPredictor predictor, RowModel model, IReadOnlyDictionary<string, RowTensor> values,
        List<IReadOnlyList<IReadOnlyList<RowTensor>>> alone, CancellationToken cancellationToken)
    {
        PredictionInputs[] requests = [.. Enumerable.Range(0, alone.Count)
            .Select(row => PredictionInputs.Rows([.. RowOf(model, values, row).Select(static pair => ToInput(pair.Key, pair.Value))]))];
        using var answers = await predictor.PredictManyAsync(requests, null, cancellationToken).ConfigureAwait(false);
        for (var row = 0; row < alone.Count; row++)
        {
            if (!answers[row].IsOk) return $"row {row}: {answers[row].Status}, {answers[row].Error.Message}";
            for (var i = 0; i < answers[row].Count; i++)
            {
                if (AnswerComparison.FindDifference(answers[row][i], alone[row][i], Tolerance) is { } difference)
                    return $"row {row}, output {i}: {difference}";
            }
        }

        return null;
    }

    private static Dictionary<string, RowTensor> RowOf(RowModel model, IReadOnlyDictionary<string, RowTensor> values, int row) =>
        model.Inputs.ToDictionary(
            static input => input.Name, input => input.Axis is { } axis ? values[input.Name].Rows(axis, row, 1) : values[input.Name]);

    private static PredictionInput ToInput(string name, RowTensor tensor) => tensor.Type switch
    {
        Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Int64 => PredictionInput.Tensor(name, tensor.ToArray<long>(), tensor.Shape),
        Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Bool => PredictionInput.Tensor(name, tensor.ToArray<bool>(), tensor.Shape),
        _ => PredictionInput.Tensor(name, tensor.ToArray<float>(), tensor.Shape),
    };
}
