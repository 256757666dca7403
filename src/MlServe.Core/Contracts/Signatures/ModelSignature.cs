using System.Collections.Frozen;
using System.Diagnostics;

namespace MlServe;

/// <summary>
/// A model's stable contract: its inputs, its outputs, and whether rows can be run together. Immutable and safe for concurrent use.
/// </summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class ModelSignature
{
    internal const double DefaultRowTolerance = 1e-4;

    private static readonly ValueSignature[] Nothing = [];

    private readonly FrozenDictionary<string, int> _inputIndex;
    private readonly FrozenDictionary<string, int> _outputIndex;

    /// <summary>Makes a signature.</summary>
    /// <param name="inputs">The inputs, names unique.</param>
    /// <param name="outputs">The outputs, at least one, names unique.</param>
    /// <param name="batchingNote">How the batch axis was found, or why there is none; null if nothing is known.</param>
    /// <exception cref="ArgumentException">A name is doubled, or there is no output.</exception>
    public ModelSignature(IEnumerable<ValueSignature> inputs, IEnumerable<ValueSignature> outputs, string? batchingNote = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        Inputs = [.. inputs];
        Outputs = [.. outputs];
        if (Outputs.Count == 0 && outputs != (object)Nothing)
            throw new ArgumentException("A model needs at least one output.", nameof(outputs));

        _inputIndex = IndexNames(Inputs, nameof(inputs));
        _outputIndex = IndexNames(Outputs, nameof(outputs));
        IsBatchable = Inputs.Any(static input => input.BatchAxis is not null) && Outputs.All(static output => output.BatchAxis is not null);
        BatchingNote = batchingNote ?? (IsBatchable ? "The batch axis was stated." : "No batch axis was stated.");
        AllOutputs = new(this, [.. Enumerable.Range(0, Outputs.Count)]);
        Selections = new(this);
        InputNames = Describe(Inputs);
        OutputNames = string.Join(", ", Outputs.Select(static output => $"'{output.Name}'"));
        SoleRequiredInput = FindSoleRequired(Inputs);
    }

    /// <summary>Of a model that is not loaded yet: no inputs and no outputs.</summary>
    public static ModelSignature Unknown { get; } = new([], Nothing, "The model is not loaded yet.");

    /// <summary>Whether the model's inputs and outputs are known; false for <see cref="Unknown"/>.</summary>
    public bool IsKnown => Outputs.Count > 0;

    /// <summary>The inputs, in the model's order.</summary>
    public IReadOnlyList<ValueSignature> Inputs { get; }

    /// <summary>The outputs, in the model's order.</summary>
    public IReadOnlyList<ValueSignature> Outputs { get; }

    /// <summary>
    /// Whether several rows can be run together and their answers told apart: an input has a batch axis, and so has every output.
    /// </summary>
    public bool IsBatchable { get; }

    /// <summary>
    /// Whether a row's answer is the same in any company. It is false for a model whose batch axis was stated although its rows were seen
    /// to answer differently.
    /// </summary>
    public bool RowsAreIndependent { get; init; } = true;

    /// <summary>
    /// Whether the same row is answered alike again and again; false for a model that draws random numbers or keeps something from run to
    /// run. Its answers are not kept, and equal requests are not answered by one run.
    /// </summary>
    public bool AnswersAreRepeatable { get; init; } = true;

    /// <summary>
    /// Why requests of several callers are not run together by <c>UseBatching</c> although rows can be: rounding is larger than is
    /// tolerated. A sentence for a person; null if nothing speaks against it.
    /// </summary>
    public string? BatchingObjection { get; init; }

    /// <summary>
    /// By which share of an output's magnitude a row may differ in company, as rounding, and count as the same answer, 0 to 1. Default:
    /// 0.0001.
    /// </summary>
    public double RowTolerance { get; init; } = DefaultRowTolerance;

    /// <summary>How the batch axis was found, or why there is none, the reason first, in sentences for a person.</summary>
    public string BatchingNote { get; }

    /// <summary>The words of the model's author about it. Default: nothing.</summary>
    public ModelMetadata Metadata { get; init; } = ModelMetadata.None;

    internal OutputSelection AllOutputs { get; }

    /// <summary>The outputs that calls have asked for.</summary>
    internal OutputSelections Selections { get; }

    internal string InputNames { get; }

    /// <summary>Asks, in a message, whether another input was meant.</summary>
    internal NearestName NearestInput(string name) => new(name, Inputs.Select(static input => input.Name));

    /// <summary>Asks, in a message, whether another output was meant.</summary>
    internal NearestName NearestOutput(string name) => new(name, Outputs.Select(static output => output.Name));

    internal string OutputNames { get; }

    /// <summary>
    /// The input that a request without names means: the only one, or the only one that must be given; -1 if there is no such.
    /// </summary>
    internal int SoleRequiredInput { get; }

    /// <summary>The position of an input, or -1.</summary>
    /// <param name="name">Its name.</param>
    public int IndexOfInput(string name) => _inputIndex.GetValueOrDefault(name, -1);

    /// <summary>The position of an output, or -1.</summary>
    /// <param name="name">Its name.</param>
    public int IndexOfOutput(string name) => _outputIndex.GetValueOrDefault(name, -1);

    /// <summary>The same signature of a model that was seen to answer one row differently.</summary>
    internal ModelSignature WithoutRepeatableAnswers(string note) => new(Inputs, Outputs, note)
    {
        RowsAreIndependent = RowsAreIndependent,
        AnswersAreRepeatable = false,
        BatchingObjection = BatchingObjection ?? "The model is not deterministic, or keeps state.",
        RowTolerance = RowTolerance,
        Metadata = Metadata,
    };

    /// <summary>The same model, with more said of its values.</summary>
    internal ModelSignature With(
        IEnumerable<ValueSignature> inputs, IEnumerable<ValueSignature> outputs) => new(inputs, outputs, BatchingNote)
        {
            RowsAreIndependent = RowsAreIndependent,
            AnswersAreRepeatable = AnswersAreRepeatable,
            BatchingObjection = BatchingObjection,
            RowTolerance = RowTolerance,
            Metadata = Metadata,
        };

    /// <inheritdoc />
    public override string ToString() => !IsKnown ? "(not known yet)" : $"({InputNames}) -> ({string.Join(", ", Outputs)})";

    /// <summary>
    /// All that must be given, and a few of those that need not: old exporters list every weight as an input with a default.
    /// </summary>
    private static string Describe(IReadOnlyList<ValueSignature> inputs)
    {
        const int MaxOptional = 4;
        var optional = inputs.Count(static input => input.IsOptional);
        var shown = optional <= MaxOptional ? inputs : inputs.Where(static input => !input.IsOptional);
        var text = string.Join(", ", shown);
        return optional <= MaxOptional ? text : $"{text} and {optional} with defaults";
    }

    private static FrozenDictionary<string, int> IndexNames(IReadOnlyList<ValueSignature> values, string parameter)
    {
        var index = new Dictionary<string, int>(values.Count, StringComparer.Ordinal);
        for (var i = 0; i < values.Count; i++)
        {
            if (!index.TryAdd(values[i].Name, i))
                throw new ArgumentException($"'{values[i].Name}' is named twice.", parameter);
        }

        return index.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static int FindSoleRequired(IReadOnlyList<ValueSignature> inputs)
    {
        if (inputs.Count == 1) return 0;
        var found = -1;
        for (var i = 0; i < inputs.Count; i++)
        {
            if (inputs[i].IsOptional) continue;
            if (found >= 0) return -1;
            found = i;
        }

        return found;
    }
}
