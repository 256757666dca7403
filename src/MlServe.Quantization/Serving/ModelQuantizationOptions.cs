namespace MlServe.Quantization.Serving;

/// <summary>How a model is quantized when it is loaded. In a host they are found by <see cref="ModelOptions.Get{TOptions}"/>.</summary>
public sealed class ModelQuantizationOptions
{
    /// <summary>Whether it is quantized at all. Default: true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>
    /// Whether the load fails if the model cannot be quantized, or does not pass its gate. Default: false: it is then served as it is,
    /// and a warning in the log says why.
    /// </summary>
    public bool Required { get; set; }

    /// <summary>
    /// The folder that keeps the quantized models, with plan and report, for the next start. Default: null, the folder
    /// <c>MlServe/quantized</c> in the user's local application data (<c>~/.local/share</c> on Linux). If there is no such data folder, it
    /// lies in the folder for temporary files. It must be trusted as the models are: the files in it are run. An entry is named by the
    /// model, the options, the samples, the versions of MlServe and ONNX Runtime and the processor. So a wrong one is not taken. Entries
    /// are not removed when they are no longer needed.
    /// </summary>
    public string? CacheFolder { get; set; }

    /// <summary>
    /// Names the samples and the delegates among the options (<see cref="QuantizationGate.Evaluate"/>,
    /// <see cref="QuantizationOptions.ExcludeNode"/>). With it they need not be read to tell whether the cache fits: change it when they
    /// change. Default: null: the samples are read at each start, and a change of a delegate goes unnoticed.
    /// </summary>
    public string? SamplesVersion { get; set; }

    /// <summary>
    /// Files of samples: inputs like those that the model will get. They are <c>.npy</c> files (rows along the first axis), <c>.pb</c>
    /// tensors of ONNX, folders of either, or <c>NAME=FILE.npy</c> for each of several inputs. In a host relative paths start at its
    /// content root. Default: none. They take the place of <see cref="QuantizationOptions.CalibrationSamples"/>.
    /// </summary>
    public IList<string> SampleFiles { get; set; } = [];

    /// <summary>
    /// Rows along the first axis of an array in <see cref="SampleFiles"/> that make one sample, 1 to 4,096: as many as will run together.
    /// Default: 1.
    /// </summary>
    public int SampleRows { get; set; } = 1;

    /// <summary>Everything else: method, gate, excluded nodes. Default: that of <see cref="QuantizationOptions"/>.</summary>
    public QuantizationOptions Options { get; set; } = new();

    /// <summary>
    /// Is given the report at each load, also that of an earlier start from the cache. An exception that it throws fails the load. Default:
    /// null.
    /// </summary>
    public Action<QuantizationReport>? OnReport { get; set; }

    /// <summary>
    /// Gives samples: inputs like those that the model will get. Without any, and without a method that needs none, nothing is quantized.
    /// </summary>
    /// <param name="samples">A source that can be enumerated several times; a few dozen to a few hundred.</param>
    /// <returns>These options.</returns>
    public ModelQuantizationOptions CalibrateWith(IEnumerable<PredictionInputs> samples)
    {
        Options = Options.CalibrateWith(samples);
        return this;
    }
}
