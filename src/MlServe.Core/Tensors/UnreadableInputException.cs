namespace MlServe.Tensors;

/// <summary>The memory of a caller could not be read: its owner threw, or gave less than it had said.</summary>
internal sealed class UnreadableInputException : InvalidOperationException
{
    public UnreadableInputException(Exception cause)
        : base($"The memory of an input could not be read: its owner threw {cause.GetType().Name}: {cause.Message}", cause)
    {
    }

    private UnreadableInputException(string message)
        : base(message)
    {
    }

    /// <summary>The copy that the input is of was disposed.</summary>
    public static UnreadableInputException Released() =>
        new("The memory of an input could not be read: its OwnedInputs was disposed. "
            + "Dispose a copy when the task that was given it has completed.");

    /// <summary>The shape of an input has changed since it was checked.</summary>
    public static UnreadableInputException ShapeChanged(string name) =>
        new($"The shape of input '{name}' was changed while the request was on its way. Leave inputs alone until the task has completed.");
}
