namespace MlServe.Onnx;

/// <summary>The names of execution providers, and the packages that they come from.</summary>
internal static class ProviderNames
{
    /// <summary>The name in the runtime's list of available providers.</summary>
    public static string Of(ExecutionProvider provider) => provider switch
    {
        ExecutionProvider.Cuda => "CUDAExecutionProvider",
        ExecutionProvider.TensorRt => "TensorrtExecutionProvider",
        ExecutionProvider.DirectMl => "DmlExecutionProvider",
        ExecutionProvider.CoreMl => "CoreMLExecutionProvider",
        ExecutionProvider.OpenVino => "OpenVINOExecutionProvider",
        ExecutionProvider.Auto => "Auto",
        _ => "CPUExecutionProvider",
    };

    /// <summary>The name that <c>AppendExecutionProvider</c> takes.</summary>
    public static string ShortOf(ExecutionProvider provider) => provider switch
    {
        ExecutionProvider.CoreMl => "CoreML",
        ExecutionProvider.OpenVino => "OpenVINO",
        _ => Of(provider),
    };

    /// <summary>The remedy if the native package has no such provider.</summary>
    public static string PackageOf(ExecutionProvider provider) => provider switch
    {
        ExecutionProvider.Cuda or ExecutionProvider.TensorRt =>
            $"Reference the package Microsoft.ML.OnnxRuntime.Gpu in place of Microsoft.ML.OnnxRuntime. {Needs(provider)}",
        ExecutionProvider.DirectMl =>
            "Reference the package Microsoft.ML.OnnxRuntime.DirectML in place of Microsoft.ML.OnnxRuntime; it is for Windows.",
        ExecutionProvider.CoreMl => "It is part of the package Microsoft.ML.OnnxRuntime on macOS and iOS.",
        ExecutionProvider.OpenVino => "Reference the package Intel.ML.OnnxRuntime.OpenVino in place of Microsoft.ML.OnnxRuntime.",
        _ => "Look at the runtime's message.",
    };

    /// <summary>The needs of a provider beside its package: drivers and libraries of the machine.</summary>
    public static string Needs(ExecutionProvider provider) => provider switch
    {
        ExecutionProvider.Cuda => "It needs the NVIDIA driver, CUDA and cuDNN on the machine.",
        ExecutionProvider.TensorRt => "It needs the NVIDIA driver, CUDA, cuDNN and TensorRT on the machine.",
        _ => "Look at the runtime's message, and at what the provider's documentation says it needs.",
    };
}
