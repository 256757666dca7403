using Microsoft.ML.OnnxRuntime;

namespace MlServe.Attack.Storms;

/// <summary>
/// A model with rows to ask and the answers to them, each computed beforehand by the runtime itself, alone. Two rows have answers that
/// cannot be taken for each other.
/// </summary>
internal sealed class StormModel
{
    private const int Rows = 64;
    private const float Tolerance = 1e-4f;

    private readonly float[][] _answers;

    private StormModel(string name, string version, byte[] bytes, float[][] inputs)
    {
        (Name, Version, Bytes, Inputs) = (name, version, bytes, inputs);
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using var session = new InferenceSession(bytes, options);
        Output = session.OutputNames[0];
        _answers = [.. inputs.Select(row => Run(session, row))];
    }

    /// <summary>Makes the versions of one model, or models that stand in for each other: all are asked for the same rows.</summary>
    /// <param name="models">Their names, versions and files: one input and one output of numbers, rows along the first axis, one more
    /// axis.</param>
    /// <param name="lengths">The lengths of rows: one, or several where the other axis is free.</param>
    /// <param name="random">Draws the rows.</param>
    public static StormModel[] Make((string Name, string Version, byte[] Bytes)[] models, int[] lengths, Random random)
    {
        float[][] rows = [.. Enumerable.Range(0, 4 * Rows)
            .Select(i => Enumerable.Range(0, lengths[i % lengths.Length]).Select(_ => (random.NextSingle() * 4) - 2).ToArray())];
        StormModel[] drawn = [.. models.Select(model => new StormModel(model.Name, model.Version, model.Bytes, rows))];
        var chosen = new List<int>();
        for (var row = 0; row < rows.Length && chosen.Count < Rows; row++)
        {
            if (drawn.All(model => !chosen.Exists(other => IsLike(model._answers[other], model._answers[row], 100 * Tolerance))))
                chosen.Add(row);
        }

        rows = [.. chosen.Select(row => rows[row])];
        return [.. models.Select(model => new StormModel(model.Name, model.Version, model.Bytes, rows))];
    }

    public string Name { get; }

    public string Version { get; }

    public byte[] Bytes { get; }

    public string Output { get; }

    /// <summary>The rows to ask.</summary>
    public float[][] Inputs { get; }

    /// <summary>Whether an answer is that to a row.</summary>
    public bool IsAnswerTo(int row, ReadOnlySpan<float> answer) => IsLike(_answers[row], answer, Tolerance);

    private static float[] Run(InferenceSession session, float[] row)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(row, [1, row.Length]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, [session.InputNames[0]], [input], [session.OutputNames[0]]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static bool IsLike(ReadOnlySpan<float> expected, ReadOnlySpan<float> answer, float tolerance)
    {
        if (expected.Length != answer.Length) return false;
        for (var i = 0; i < expected.Length; i++)
        {
            if (!(MathF.Abs(expected[i] - answer[i]) <= tolerance * MathF.Max(1, MathF.Abs(expected[i])))) return false;
        }

        return true;
    }
}
