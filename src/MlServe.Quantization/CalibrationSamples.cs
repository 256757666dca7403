using MlServe.Onnx;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Samples;

namespace MlServe.Quantization;

/// <summary>
/// Samples to calibrate on (<see cref="QuantizationOptions.CalibrateWith(IEnumerable{PredictionInputs})"/>), from files or at random. Safe
/// for concurrent use.
/// </summary>
public static class CalibrationSamples
{
    /// <summary>
    /// Samples of .npy files (arrays of NumPy) and .pb files (tensors of ONNX). They are read anew each time that the result is enumerated,
    /// so that a folder of them takes the memory of one.
    /// </summary>
    /// <param name="model">The path of the model that they are for.</param>
    /// <param name="paths">Files, folders of them, or <c>NAME=FILE.npy</c> for each input of a model with several.</param>
    /// <param name="rows">Rows along the first axis of an array that make one sample, 1 or more.</param>
    /// <param name="cancellationToken">Gives up to read the model.</param>
    /// <exception cref="ModelLoadException">The model cannot be read.</exception>
    /// <exception cref="QuantizationException">A path is missing, there are no samples, or the first does not fit the model.</exception>
    public static async Task<IEnumerable<PredictionInputs>> FromFilesAsync(
        string model, IReadOnlyList<string> paths, int rows = 1, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        var files = new SampleFiles(await OfAsync(model, cancellationToken).ConfigureAwait(false), [.. paths], rows);
        files.Check();
        return files.Read();
    }

    /// <summary>
    /// Samples of a file without a header, for a model with one input: rows of its type one behind the other, little-endian. They are read
    /// anew each time that the result is enumerated.
    /// </summary>
    /// <param name="model">The path of the model that they are for. All axes of its input but the first must have a fixed size.</param>
    /// <param name="path">The file.</param>
    /// <param name="rows">Rows that make one sample, 1 or more, unless the model fixes their number.</param>
    /// <param name="cancellationToken">Gives up to read the model.</param>
    /// <exception cref="ModelLoadException">The model cannot be read.</exception>
    /// <exception cref="QuantizationException">The file is missing, or does not hold whole rows of the model's input.</exception>
    public static async Task<IEnumerable<PredictionInputs>> FromRawFileAsync(
        string model, string path, int rows = 1, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        var samples = new RawSamples(await OfAsync(model, cancellationToken).ConfigureAwait(false), path, rows);
        samples.Check();
        return samples.Read();
    }

    /// <summary>
    /// Random inputs that the model takes. Their ranges are not those of real data: measure the speed of a quantized model by them, and do
    /// not answer requests with it.
    /// </summary>
    /// <param name="model">The path of the model.</param>
    /// <param name="count">How many, 1 or more.</param>
    /// <param name="seed">Another number gives other inputs; the same gives the same.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ModelLoadException">The model cannot be read.</exception>
    /// <exception cref="QuantizationException">The model refuses all inputs that were made up.</exception>
    public static Task<IReadOnlyList<PredictionInputs>> CreateRandomAsync(
        string model, int count, int seed = 1, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return RandomSamples.ForAsync(model, count, seed, cancellationToken);
    }

    private static async Task<SampleModel> OfAsync(string model, CancellationToken cancellationToken) =>
        SampleModel.Of(await ModelSource.FromFile(model).ReadAsync(cancellationToken).ConfigureAwait(false));
}
