namespace MlServe.Onnx.Probing;

/// <summary>The kind of numbers in a made-up row.</summary>
internal enum RowKind
{
    /// <summary>Not made up: one of the user's own.</summary>
    Given,

    /// <summary>Random, 0 to the magnitude. Integers: anywhere in their range.</summary>
    Positive,

    /// <summary>Random, of both signs.</summary>
    Signed,

    /// <summary>Random, below 0.</summary>
    Negative,

    /// <summary>All alike.</summary>
    Constant,

    /// <summary>All zero; integers: the least there is.</summary>
    Zero,

    /// <summary>A short random beginning, and nothing but padding behind it: 0, or for integers the largest there is.</summary>
    Padded,

    /// <summary>Small and random but for one element, which is as large as the magnitude.</summary>
    Spike,
}
