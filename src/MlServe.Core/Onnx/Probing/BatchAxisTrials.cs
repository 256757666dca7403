namespace MlServe.Onnx.Probing;

/// <summary>Which axes of a model's inputs to try as the batch axis, the likeliest first.</summary>
internal static class BatchAxisTrials
{
    /// <summary>For each trial the axis of each input, null for one that holds for all rows.</summary>
    public static IReadOnlyList<IReadOnlyList<int?>> For(ModelSignature declared)
    {
        if (declared.Inputs.Any(static input => input.Kind != ValueKind.Tensor)) return [];

        var trials = new List<int?[]>();

        // By name: the one that speaks of a batch, else the first that there is, wherever else it stands.
        var symbols = declared.Inputs.SelectMany(static input => input.Shape)
            .Where(static size => size.Symbol is not null)
            .Select(static size => size.Symbol).ToList();
        var symbol = symbols.Find(static name => name!.Contains("batch", StringComparison.OrdinalIgnoreCase)) ?? symbols.FirstOrDefault();
        if (symbol is not null) Add(declared.Inputs.Select(input => FindAxis(input, size => size.Symbol == symbol)));

        // The first free axis of each input, and where only the first axis is meant.
        Add(declared.Inputs.Select(static input => FindAxis(input, static size => size.IsFree)));
        Add(declared.Inputs.Select(static input => input.Shape.Count > 0 && input.Shape[0].IsFree ? 0 : (int?)null));
        return trials;

        void Add(IEnumerable<int?> axes)
        {
            int?[] trial = [.. axes];
            if (trial.All(static axis => axis is null) || trials.Any(known => known.SequenceEqual(trial))) return;
            trials.Add(trial);
        }
    }

    /// <summary>The axes that the options state.</summary>
    /// <exception cref="ModelLoadException">They name an input or an axis that the model does not have.</exception>
    public static IReadOnlyList<int?> Stated(ModelSignature declared, int? batchAxis, IEnumerable<KeyValuePair<string, int>> batchAxes)
    {
        var axes = new int?[declared.Inputs.Count];
        foreach (var (name, axis) in batchAxes)
        {
            var index = declared.IndexOfInput(name);
            if (index < 0)
            {
                throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
                    $"BatchAxes names the input '{name}', which the model does not have.{declared.NearestInput(name)} It has: "
                        + $"{declared.InputNames}.");
            }

            axes[index] = axis;
            CheckAxis(declared.Inputs[index], axis);
        }

        if (batchAxis is { } everywhere)
        {
            for (var i = 0; i < axes.Length; i++)
            {
                var input = declared.Inputs[i];
                if (input.Kind == ValueKind.Tensor && everywhere < input.Shape.Count && input.Shape[everywhere].IsFree)
                    axes[i] = everywhere;
            }

            if (axes.All(static axis => axis is null))
            {
                throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
                    $"BatchAxis is {everywhere}, and no input has a free axis there. The model has: {declared.InputNames}.");
            }
        }

        return axes;
    }

    private static void CheckAxis(ValueSignature input, int axis)
    {
        if (input.Kind == ValueKind.Tensor && axis < input.Shape.Count && input.Shape[axis].IsFree) return;
        throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
            $"BatchAxes states axis {axis} for input {input}, which has no axis of free size there. "
                + "Export the model with a dynamic batch axis.");
    }

    private static int? FindAxis(ValueSignature input, Func<Dimension, bool> isWanted)
    {
        for (var axis = 0; axis < input.Shape.Count; axis++)
        {
            if (isWanted(input.Shape[axis])) return axis;
        }

        return null;
    }
}
