namespace MlServe.Quantization;

/// <summary>The stages of quantizing a model, in their order.</summary>
public enum QuantizationStage
{
    /// <summary>The model is read, and opened to learn its inputs and outputs.</summary>
    Reading = 0,

    /// <summary>The model is folded, raised to a newer operator set, rewritten exactly.</summary>
    Preprocessing,

    /// <summary>Samples are run to see between which values activations lie.</summary>
    Calibrating,

    /// <summary>Operators are rewritten.</summary>
    Quantizing,

    /// <summary>The quantized model is held against the source: answers, speed, size.</summary>
    Measuring,

    /// <summary>Nodes are left out until the gate passes.</summary>
    Searching,

    /// <summary>The file is written.</summary>
    Writing,
}
