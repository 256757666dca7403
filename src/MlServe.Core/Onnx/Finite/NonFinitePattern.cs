namespace MlServe.Onnx.Finite;

/// <summary>Where in an input a trial puts what is not finite.</summary>
internal enum NonFinitePattern
{
    /// <summary>The first element.</summary>
    First,

    /// <summary>The one in the middle.</summary>
    Middle,

    /// <summary>The last element.</summary>
    Last,

    /// <summary>Every other one along each axis: of a mask no line is covered whole, and no window of a convolution is spared.</summary>
    Checkerboard,
}
