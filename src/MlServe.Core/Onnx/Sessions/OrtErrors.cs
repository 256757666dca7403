using Microsoft.ML.OnnxRuntime;

namespace MlServe.Onnx;

/// <summary>
/// Reads what the runtime's exceptions mean. <see cref="OnnxRuntimeException"/> exposes no code, only a prefix of its message. Its
/// constructor throws <see cref="KeyNotFoundException"/> for codes that are newer than its table (onnxruntime PR 25565).
/// </summary>
internal static class OrtErrors
{
    private const string Prefix = "[ErrorCode:";

    /// <summary>
    /// The words of operators for inputs whose values or sizes they cannot take, if the code says no more than that they failed. Most
    /// report <c>InvalidArgument</c>, these do not (onnxruntime 1.31, each provoked).
    /// </summary>
    private static readonly string[] DataFaults =
    [
        "Out of range value in index tensor",
        "cannot be reshaped to the requested shape",
        "Attempting to broadcast an axis by a dimension",
        "MatMul dimension mismatch",
    ];

    public static bool IsFromRuntime(Exception exception) => exception is OnnxRuntimeException or KeyNotFoundException;

    /// <summary>The name of the runtime's error code, empty if there is none.</summary>
    public static ReadOnlySpan<char> CodeOf(Exception exception)
    {
        var message = exception.Message.AsSpan();
        if (!message.StartsWith(Prefix, StringComparison.Ordinal)) return default;
        var end = message.IndexOf(']');
        return end < 0 ? default : message[Prefix.Length..end];
    }

    /// <summary>The message without its code, in one line, and without the point at its end.</summary>
    public static string TextOf(Exception exception)
    {
        var message = exception.Message;
        if (message.StartsWith(Prefix, StringComparison.Ordinal) && message.IndexOf(']', StringComparison.Ordinal) is > 0 and var end)
            message = message[(end + 1)..];
        return string.Join(' ', message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');
    }

    /// <summary>Whether a run failed because of the contents of its inputs.</summary>
    public static bool IsInvalidArgument(Exception exception) => CodeOf(exception) switch
    {
        "InvalidArgument" => true,
        "Fail" or "RuntimeException" => IsDataFault(exception.Message),
        _ => false,
    };

    /// <summary>Whether a run ended because its terminate flag was set.</summary>
    public static bool IsTerminated(Exception exception) => exception.Message.Contains("terminate flag", StringComparison.Ordinal);

    /// <summary>Whether there was not enough memory.</summary>
    public static bool IsOutOfMemory(Exception exception) =>
        exception.Message.Contains("Failed to allocate memory", StringComparison.Ordinal)
        || exception.Message.Contains("bad_alloc", StringComparison.Ordinal)
        || exception.Message.Contains("bad allocation", StringComparison.Ordinal);

    /// <summary>Whether a session was not made because its load was cancelled.</summary>
    public static bool IsLoadCancelled(Exception exception) =>
        exception.Message.Contains("canceled due to user request", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether an output had another shape than the buffer that was bound for it.</summary>
    public static bool IsShapeMismatch(Exception exception) =>
        exception.Message.Contains("but the computed output shape for this run is", StringComparison.Ordinal)
        || exception.Message.Contains("Got invalid dimensions for output", StringComparison.Ordinal)
        || exception.Message.Contains("shape verification failed", StringComparison.OrdinalIgnoreCase)
        || exception.Message.Contains("Shape mismatch attempting to re-use buffer", StringComparison.Ordinal);

    /// <summary>The operator and the name of the node that failed; empty if the message does not say.</summary>
    public static (string OpType, string Name) NodeOf(string message)
    {
        const string before = "while running ";
        const string between = " node. Name:'";
        var start = message.IndexOf(before, StringComparison.Ordinal);
        var middle = start < 0 ? -1 : message.IndexOf(between, start, StringComparison.Ordinal);
        if (middle < 0) return ("", "");
        var name = middle + between.Length;
        var end = message.IndexOf('\'', name);
        return (message[(start + before.Length)..middle], end < 0 ? "" : message[name..end]);
    }

    /// <summary>Whether the numbers or texts of an input were refused, and not its shape.</summary>
    public static bool IsAboutNumbers(string message) => IsNoNumber(message)
        || message.Contains("Out of range value in index tensor", StringComparison.Ordinal)
        || message.Contains("out of data bounds", StringComparison.Ordinal)
        || message.Contains("cannot be reshaped to the requested shape", StringComparison.Ordinal)
        || message.Contains("out of bounds", StringComparison.OrdinalIgnoreCase)
        || message.Contains("invalid index", StringComparison.OrdinalIgnoreCase);

    private static bool IsDataFault(string message) =>
        IsNoNumber(message) || Array.Exists(DataFaults, fault => message.Contains(fault, StringComparison.Ordinal));

    /// <summary>A text that is no number: the standard library names the function and nothing else.</summary>
    private static bool IsNoNumber(string message) =>
        message.Contains("while running Cast node", StringComparison.Ordinal)
        && message.Contains("Status Message: sto", StringComparison.Ordinal);

    /// <summary>Says why a session could not be made.</summary>
    public static ModelLoadException ToLoadException(Exception exception, string origin)
    {
        if (IsOlderRuntime(exception))
        {
            var managed = typeof(OrtEnv).Assembly.GetName().Version?.ToString(2);
            return new(ModelLoadFailure.NativeRuntimeMissing,
                $"The native ONNX Runtime is older than the package Microsoft.ML.OnnxRuntime.Managed {managed}, which calls it "
                + $"({TextOf(exception.GetBaseException())}). Reference version {managed} or later of Microsoft.ML.OnnxRuntime, "
                + "Microsoft.ML.OnnxRuntime.Gpu or the other native package of the application.", exception);
        }

        if (FindMissingLibrary(exception) is { } library)
        {
            return new(ModelLoadFailure.NativeRuntimeMissing,
                $"The native ONNX Runtime was not found ({library.Message.Split('\n')[0].Trim()}). "
                + "Add one of its packages to the application: "
                + "'dotnet add package Microsoft.ML.OnnxRuntime' for the processor, or Microsoft.ML.OnnxRuntime.Gpu for CUDA and TensorRT.",
                exception);
        }

        var failure = CodeOf(exception) switch
        {
            "NoSuchFile" => ModelLoadFailure.NotFound,
            "InvalidProtobuf" => ModelLoadFailure.Malformed,
            "InvalidGraph" or "NotImplemented" => ModelLoadFailure.InvalidGraph,
            "InvalidArgument" when exception.Message.Contains("Invalid model", StringComparison.Ordinal) => ModelLoadFailure.InvalidGraph,
            _ => ModelLoadFailure.Other,
        };
        var message = exception.Message;
        if (message.Contains("Unsupported model IR version", StringComparison.Ordinal)
            || (message.Contains("opset", StringComparison.OrdinalIgnoreCase)
                && message.Contains("till opset", StringComparison.OrdinalIgnoreCase))
            || message.Contains("is under development and support for this is limited", StringComparison.Ordinal))
        {
            return new(ModelLoadFailure.VersionTooNew,
                $"Model '{origin}' was written for a newer ONNX than the native runtime knows: {message} "
                + "Update the package Microsoft.ML.OnnxRuntime, or export the model with an older opset.", exception);
        }

        return new(failure, $"ONNX Runtime could not open model '{origin}': {message}", exception);
    }

    /// <summary>Whether the native library is there, and too old for the managed package.</summary>
    public static bool IsOlderRuntime(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is InvalidOperationException
                && exception.Message.Contains("does not support API version", StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    /// <summary>Whether the native library, or an entry point that only another package's library has, is missing.</summary>
    public static Exception? FindMissingLibrary(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException) return exception;
        }

        return null;
    }
}
