using System.Text.Json;
using MlServe.Quantization.Reporting;

namespace MlServe.Quantization;

/// <summary>
/// Every choice that was made for one model. With it the same file comes out byte for byte, without samples and without measuring. It takes
/// the same version of ONNX Runtime, which folds constants. Immutable.
/// </summary>
public sealed record QuantizationPlan
{
    /// <summary>The version of this format that is written and the newest that is read.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The version of the format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>SHA-256 of the model that it was made for (its file, then its external data), in lowercase hexadecimal digits.</summary>
    public required string SourceDigest { get; init; }

    /// <summary>The method of quantization.</summary>
    public required QuantizationMethod Method { get; init; }

    /// <summary>For which processors; never <see cref="CpuTarget.Auto"/>.</summary>
    public required CpuTarget Target { get; init; }

    /// <summary>How integer operators are written.</summary>
    public QuantizationFormat Format { get; init; }

    /// <summary>Whether each output channel of a weight has a scale of its own.</summary>
    public bool PerChannel { get; init; } = true;

    /// <summary>Elements of a row of a block, if <see cref="Method"/> works in blocks.</summary>
    public int BlockSize { get; init; } = 128;

    /// <summary>How the model is preprocessed.</summary>
    public PreprocessingOptions Preprocessing { get; init; } = new();

    /// <summary>
    /// Weights that the source lists among its inputs and that are constants in the file, in the order of the list (see
    /// <see cref="PreprocessingOptions.KeepWeightInputs"/>).
    /// </summary>
    public IReadOnlyList<string> RemovedInputs { get; init; } = [];

    /// <summary>The ranges of activations by the name of the value in the preprocessed model.</summary>
    public IReadOnlyDictionary<string, TensorRange> Ranges { get; init; } = new Dictionary<string, TensorRange>();

    /// <summary>
    /// The ranges of the channels (second axis) of values before and behind convolutions, by the name of the value in the preprocessed
    /// model. They are rounded with a scale for each channel (5 % slower in the one model that was measured). A value that is not in it has
    /// the scale of <see cref="Ranges"/>.
    /// </summary>
    public IReadOnlyDictionary<string, TensorRange[]> ChannelRanges { get; init; } = new Dictionary<string, TensorRange[]>();

    /// <summary>
    /// The addend to the bias of a node, a value for each output channel, by the name of the node's output in the preprocessed model.
    /// </summary>
    public IReadOnlyDictionary<string, float[]> BiasCorrections { get; init; } = new Dictionary<string, float[]>();

    /// <summary>
    /// The factors of the columns (last axis) of a value before matrix products round it, by the name of the value in the preprocessed
    /// model. The rows of their weights are divided by them. A value that is not in it is rounded as it is.
    /// </summary>
    public IReadOnlyDictionary<string, float[]> InputFactors { get; init; } = new Dictionary<string, float[]>();

    /// <summary>
    /// Whether tables that rows are picked out of, of words say, are kept in 8 bits, if <see cref="Method"/> is static or dynamic.
    /// </summary>
    public bool StoresTables { get; init; }

    /// <summary>Nodes that stay as they are, by name (see <see cref="NodeDecision.Node"/>).</summary>
    public IReadOnlyList<string> ExcludedNodes { get; init; } = [];

    /// <summary>Multiplications a row below which a node stays FP32, because quantizing its inputs costs more than is saved.</summary>
    public long MinMultiplications { get; init; }

    /// <summary>Whether the source is kept as it is, not even preprocessed; only with <see cref="QuantizationMethod.None"/>.</summary>
    public bool KeepsOriginal { get; init; }

    /// <summary>Reads a plan.</summary>
    /// <param name="json">The text that <see cref="ToJson"/> gave.</param>
    /// <exception cref="QuantizationException">It is no plan, or one of a newer version.</exception>
    public static QuantizationPlan FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            var plan = JsonSerializer.Deserialize(json, QuantizationJson.Default.QuantizationPlan)
                ?? throw new QuantizationException(QuantizationFailure.PlanMismatch, "The text is 'null', not a plan.");
            return plan.Version is >= 1 and <= CurrentVersion
                ? plan
                : throw new QuantizationException(QuantizationFailure.PlanMismatch,
                    $"The plan has version {plan.Version}; this library reads up to {CurrentVersion}. Update it, or make the plan anew.");
        }
        catch (JsonException exception)
        {
            throw new QuantizationException(QuantizationFailure.PlanMismatch, $"The text is no plan: {exception.Message}", exception);
        }
    }

    /// <summary>Writes the plan as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, QuantizationJson.Default.QuantizationPlan);
}
