using System.Collections.ObjectModel;

namespace MlServe.Onnx.Inspection;

/// <summary>The facts that an ONNX model states about itself. Immutable, and so safe to share between threads.</summary>
public sealed class OnnxModelInfo
{
    internal OnnxModelInfo(InspectionState state, IReadOnlyList<OnnxValueInfo> inputs)
    {
        IrVersion = state.IrVersion;
        ProducerName = state.ProducerName;
        ProducerVersion = state.ProducerVersion;
        Domain = state.Domain;
        ModelVersion = state.ModelVersion;
        GraphName = state.GraphName;
        Description = state.Description ?? state.GraphDescription;
        Metadata = new ReadOnlyDictionary<string, string>(state.Metadata);
        Opsets = state.Opsets.AsReadOnly();
        Operators = state.Operators();
        NodeCount = Operators.Sum(static use => use.Count);
        Functions = state.Functions.AsReadOnly();
        Initializers = state.Initializers.ToList();
        SparseInitializers = state.SparseInitializers.ToList();
        Constants = state.Constants.ToList();
        AttributeBytes = state.AttributeBytes;
        ExternalData = state.ExternalData.AsReadOnly();
        HasTrainingInfo = state.HasTrainingInfo;
        Inputs = inputs;
        Outputs = state.Outputs.AsReadOnly();
    }

    /// <summary>The version of the ONNX format, 1 or more.</summary>
    public long IrVersion { get; }

    /// <summary>The tool that wrote the model, or null.</summary>
    public string? ProducerName { get; }

    /// <summary>The version of the tool that wrote the model, or null.</summary>
    public string? ProducerVersion { get; }

    /// <summary>The model's namespace in reverse domain notation, or null. It has nothing to do with operator domains.</summary>
    public string? Domain { get; }

    /// <summary>The version that the author gave the model; 0 if none was given.</summary>
    public long ModelVersion { get; }

    /// <summary>The name of the main graph, or null.</summary>
    public string? GraphName { get; }

    /// <summary>The author's description of the model, or else of its graph, the first 4,096 bytes; null if nothing is said.</summary>
    public string? Description { get; }

    /// <summary>The metadata properties of the model. Of a key given twice, the last counts.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The operator sets that the model imports, in the order of the file; never empty.</summary>
    public IReadOnlyList<OnnxOpset> Opsets { get; }

    /// <summary>Every operator that any graph or function of the model uses, by falling <see cref="OnnxOperatorUse.Count"/>.</summary>
    public IReadOnlyList<OnnxOperatorUse> Operators { get; }

    /// <summary>The nodes of the main graph, its subgraphs and the functions; training graphs are left out.</summary>
    public long NodeCount { get; }

    /// <summary>The functions that the model defines for itself, in the order of the file.</summary>
    public IReadOnlyList<OnnxFunctionInfo> Functions { get; }

    /// <summary>The dense initializers of the main graph and its subgraphs, by element type.</summary>
    public IReadOnlyList<OnnxTensorTotal> Initializers { get; }

    /// <summary>The sparse initializers of the main graph and its subgraphs, by the element type of their values.</summary>
    public IReadOnlyList<OnnxTensorTotal> SparseInitializers { get; }

    /// <summary>
    /// The dense and sparse tensors in attributes, those of <c>Constant</c> nodes above all, in graphs, subgraphs and functions, by element
    /// type.
    /// </summary>
    public IReadOnlyList<OnnxTensorTotal> Constants { get; }

    /// <summary>The bytes of all initializers, dense and sparse.</summary>
    public long InitializerBytes =>
        Initializers.Sum(static total => total.Bytes) + SparseInitializers.Sum(static total => total.Bytes);

    /// <summary>The bytes of all tensors in attributes.</summary>
    public long ConstantBytes => Constants.Sum(static total => total.Bytes);

    /// <summary>
    /// The bytes of text and of lists of numbers and texts in attributes, outside of tensors. A tree ensemble keeps its trees there, and a
    /// tokenizer its vocabulary.
    /// </summary>
    public long AttributeBytes { get; }

    /// <summary>
    /// Every reference to data in another file, at any place: initializers, sparse ones and attributes, in the main graph, subgraphs,
    /// functions and training graphs.
    /// </summary>
    public IReadOnlyList<OnnxExternalData> ExternalData { get; }

    /// <summary>True when the model carries training graphs, which an inference never runs.</summary>
    public bool HasTrainingInfo { get; }

    /// <summary>The inputs of the main graph, in their order, those with a default included.</summary>
    public IReadOnlyList<OnnxValueInfo> Inputs { get; }

    /// <summary>The outputs of the main graph, in their order.</summary>
    public IReadOnlyList<OnnxValueInfo> Outputs { get; }

    /// <summary>The contents that requests must not have, because the runtime would die of them.</summary>
    internal IReadOnlyList<InputGuard> Guards { get; set; } = [];

    /// <summary>Tells whether an inference may run an operator, in the main graph, a subgraph or a function of the model.</summary>
    /// <param name="domain">The operator's domain; an empty one is <c>ai.onnx</c>.</param>
    /// <param name="opType">The operator's name, in its exact case.</param>
    /// <returns>True when there is such a node outside of the training graphs.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public bool ContainsOperator(string domain, string opType)
    {
        ArgumentNullException.ThrowIfNull(domain);
        ArgumentNullException.ThrowIfNull(opType);
        var wanted = domain.Length == 0 ? InspectionState.OnnxDomain : domain;
        return Operators.Any(use => use.Count > 0 && use.OpType == opType && use.Domain == wanted);
    }
}
