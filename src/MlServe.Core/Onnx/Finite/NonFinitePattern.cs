namespace MlServe.Onnx.Finite;

/// <summary>Where in an input a trial puts what is not finite.</summary>
internal enum NonFinitePattern
{
    /// <summary>The first element.</summary>
    First,

    /// <summary>The last element.</summary>
    Last,

    /// <summary>
    /// Every other one along each axis, those whose coordinates add up to an odd number: of a mask no line is covered whole, and no window
    /// of a convolution is spared.
    /// </summary>
    Odd,

    /// <summary>Those that <see cref="Odd"/> leaves out.</summary>
    Even,
}
