namespace MlServe.Onnx.Finite;

/// <summary>The places in an input at which a trial puts values that are not finite.</summary>
internal enum NonFinitePattern
{
    /// <summary>The first element.</summary>
    First,

    /// <summary>The last element.</summary>
    Last,

    /// <summary>
    /// Every other one along each axis, those whose coordinates add up to an odd number. So no line of a mask is covered whole, and no
    /// window of a convolution is spared.
    /// </summary>
    Odd,

    /// <summary>Those that <see cref="Odd"/> leaves out.</summary>
    Even,
}
