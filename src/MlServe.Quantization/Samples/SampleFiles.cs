namespace MlServe.Quantization.Samples;

/// <summary>Samples that lie in files; read anew each time, so that a folder of them takes the memory of one.</summary>
/// <param name="model">The model that they are for.</param>
/// <param name="paths">Files (.npy, .pb), folders of them, or NAME=FILE.npy for each input.</param>
/// <param name="rows">Rows along the first axis of an array that make one sample.</param>
internal sealed class SampleFiles(SampleModel model, IReadOnlyList<string> paths, int rows)
{
    /// <summary>The file or folder of a path, which may have the name of an input before it.</summary>
    public static string FileOf(string path) =>
        path.IndexOf('=', StringComparison.Ordinal) is > 0 and var at && !Exists(path) ? path[(at + 1)..] : path;

    public static bool Exists(string path) => File.Exists(path) || Directory.Exists(path);

    /// <summary>Looks whether the paths are there, before any work is done.</summary>
    public void Check()
    {
        foreach (var path in paths.Select(PathOf))
        {
            if (!Exists(path))
                throw new QuantizationException(QuantizationFailure.UnreadableSamples, $"There is no file or folder '{path}' of samples.");
        }

        if (paths.Any(IsNamed) && !paths.All(IsNamed))
            throw new QuantizationException(QuantizationFailure.UnreadableSamples, "Give all samples as NAME=FILE.npy, or none of them.");
        using var samples = Read().GetEnumerator();
        if (!samples.MoveNext())
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"There are no samples in {string.Join(", ", paths.Select(static path => $"'{path}'"))}: no .npy and no .pb file.");
    }

    public IEnumerable<PredictionInputs> Read() => paths.Any(IsNamed) ? Named() : paths.SelectMany(Unnamed);

    /// <summary>Whether the part before a '=' is an input: a path may hold one too.</summary>
    private bool IsNamed(string path) => path.IndexOf('=', StringComparison.Ordinal) is > 0 and var at && !Exists(path)
        && (model.Inputs.Any(input => input.Name == path[..at]) || File.Exists(path[(at + 1)..]));

    private string PathOf(string path) => IsNamed(path) ? path[(path.IndexOf('=', StringComparison.Ordinal) + 1)..] : path;

    private IEnumerable<PredictionInputs> Named()
    {
        var series = new List<(string Name, SampleSeries Series)>();
        foreach (var path in paths)
        {
            var name = path[..path.IndexOf('=', StringComparison.Ordinal)];
            var file = PathOf(path);
            series.Add((name, SampleSeries.Of(NpyReader.Read(Bytes(file), file), model.Named(name), file, rows)));
        }

        var count = series.Max(static input => input.Series.Count);
        if (series.FirstOrDefault(input => input.Series.Count != count && input.Series.Count != 1) is { Series: not null } other)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"Input '{other.Name}' has {other.Series.Count} samples, and another has {count}. Give as many of each, or one for all.");
        for (var i = 0; i < count; i++)
            yield return PredictionInputs.Rows([.. series.Select(input =>
                SampleInput.Of(input.Name, input.Series.At(input.Series.Count == 1 ? 0 : i)))]);
    }

    private IEnumerable<PredictionInputs> Unnamed(string path)
    {
        if (!Directory.Exists(path))
            return path.EndsWith(".pb", StringComparison.OrdinalIgnoreCase)
                ? Enumerable.Repeat<string[]>([path], 1).Select(Tensors)
                : Arrays(path);
        var sets = Directory.GetDirectories(path, "test_data_set_*")
            .OrderBy(static folder => folder.Length)
            .ThenBy(static folder => folder, StringComparer.Ordinal);
        var tensors = Directory.GetFiles(path, "input_*.pb")
            .OrderBy(static file => file.Length)
            .ThenBy(static file => file, StringComparer.Ordinal).ToArray();
        var arrays = Directory.GetFiles(path, "*.npy").Order(StringComparer.Ordinal);
        var own = Enumerable.Repeat(tensors, tensors.Length > 0 ? 1 : 0).Select(Tensors);
        return own.Concat(sets.SelectMany(Unnamed)).Concat(arrays.SelectMany(Arrays));
    }

    private IEnumerable<PredictionInputs> Arrays(string path)
    {
        var input = model.Sole($"'{path}'");
        var series = SampleSeries.Of(NpyReader.Read(Bytes(path), path), input, path, rows);
        for (var i = 0; i < series.Count; i++)
            yield return PredictionInputs.Rows(SampleInput.Of(input.Name, series.At(i)));
    }

    /// <summary>One sample of one file an input: by the tensor's name, else by its place.</summary>
    private PredictionInputs Tensors(string[] files)
    {
        var inputs = new List<PredictionInput>();
        for (var i = 0; i < files.Length; i++)
        {
            var (name, array) = TensorFileReader.Read(Bytes(files[i]), files[i]);
            var input = model.Inputs.FirstOrDefault(input => input.Name == name) ?? (i < model.Inputs.Count ? model.Inputs[i] : null)
                ?? throw new QuantizationException(
                    QuantizationFailure.UnreadableSamples,
                    $"'{files[i]}' is one input too many: '{model.Origin}' has {model.Inputs.Count}.");
            inputs.Add(SampleInput.Of(input.Name, array));
        }

        return PredictionInputs.Rows([.. inputs]);
    }

    private static byte[] Bytes(string path)
    {
        if (new FileInfo(path).Length > Array.MaxLength)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples, $"'{path}' has more than 2 GB. Split it into several files.");
        return File.ReadAllBytes(path);
    }
}
