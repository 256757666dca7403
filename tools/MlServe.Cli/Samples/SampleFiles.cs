namespace MlServe.Cli.Samples;

/// <summary>Samples that lie in files; read anew each time, so that a folder of them takes the memory of one.</summary>
internal sealed class SampleFiles(SampleModel model, IReadOnlyList<string> paths, string? raw, int rows)
{
    /// <summary>Looks whether the paths are there, before any work is done.</summary>
    public void Check()
    {
        foreach (var path in paths.Select(PathOf).Append(raw).OfType<string>())
        {
            if (!File.Exists(path) && !Directory.Exists(path)) throw new CliException($"There is no file or folder '{path}' of samples.");
        }

        if (raw is not null && paths.Count > 0) throw new CliException("Give --samples or --samples-raw, not both.");
        if (paths.Any(IsNamed) && !paths.All(IsNamed)) throw new CliException("Give all samples as NAME=FILE.npy, or none of them.");
        using var samples = Read().GetEnumerator();
        if (!samples.MoveNext()) throw new CliException($"There are no samples in {string.Join(", ", paths.Select(static path => $"'{path}'"))}: no .npy and no .pb file.");
    }

    public IEnumerable<PredictionInputs> Read() => raw is not null ? Raw(raw) : paths.Any(IsNamed) ? Named() : paths.SelectMany(Unnamed);

    /// <summary>Whether the part before a '=' is an input: a path may hold one too.</summary>
    private bool IsNamed(string path) => path.IndexOf('=', StringComparison.Ordinal) is > 0 and var at && !File.Exists(path) && !Directory.Exists(path)
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
            throw new CliException($"Input '{other.Name}' has {other.Series.Count} samples, and another has {count}. Give as many of each, or one for all.");
        for (var i = 0; i < count; i++)
            yield return PredictionInputs.Rows([.. series.Select(input => SampleInput.Of(input.Name, input.Series.At(input.Series.Count == 1 ? 0 : i)))]);
    }

    private IEnumerable<PredictionInputs> Unnamed(string path)
    {
        if (!Directory.Exists(path)) return path.EndsWith(".pb", StringComparison.OrdinalIgnoreCase) ? Enumerable.Repeat<string[]>([path], 1).Select(Tensors) : Arrays(path);
        var sets = Directory.GetDirectories(path, "test_data_set_*").OrderBy(static folder => folder.Length).ThenBy(static folder => folder, StringComparer.Ordinal);
        var tensors = Directory.GetFiles(path, "input_*.pb").OrderBy(static file => file.Length).ThenBy(static file => file, StringComparer.Ordinal).ToArray();
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
                ?? throw new CliException($"'{files[i]}' is one input too many: '{model.Path}' has {model.Inputs.Count}.");
            inputs.Add(SampleInput.Of(input.Name, array));
        }

        return PredictionInputs.Rows([.. inputs]);
    }

    private IEnumerable<PredictionInputs> Raw(string path)
    {
        var input = model.Sole("--samples-raw");
        var dimensions = input.Type.Dimensions;
        if (dimensions is not { Count: > 0 } || dimensions.Skip(1).Any(static dimension => dimension.Size is null))
            throw new CliException($"--samples-raw needs an input whose axes but the first are fixed, and '{input.Name}' is {input.Type}. Give .npy files, which say their shape.");
        long[] shape = [1, .. dimensions.Skip(1).Select(static dimension => dimension.Size!.Value)];
        var row = ElementSizes.BytesOf(input.Type.ElementType, shape);
        if (row is null or 0) throw new CliException($"--samples-raw cannot be read for '{input.Name}', which is {input.Type}.");
        var length = new FileInfo(path).Length;
        if (length == 0 || length % row != 0) throw new CliException($"'{path}' has {length} bytes, and a row of '{input.Name}' {input.Type} has {row}: it does not hold whole rows.");
        var together = dimensions[0].Size ?? rows;
        using var file = File.OpenRead(path);
        for (var left = length / row.Value; left > 0; left -= together)
        {
            shape[0] = Math.Min(together, left);
            var bytes = new byte[checked(row.Value * shape[0])];
            file.ReadExactly(bytes);
            yield return PredictionInputs.Rows(SampleInput.Of(input.Name, new(input.Type.ElementType, [.. shape], bytes)));
        }
    }

    private static byte[] Bytes(string path)
    {
        if (new FileInfo(path).Length > Array.MaxLength) throw new CliException($"'{path}' has more than 2 GB. Split it into several files.");
        return File.ReadAllBytes(path);
    }
}
