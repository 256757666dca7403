namespace MlServe.Onnx;

/// <summary>The hardware and libraries that ONNX Runtime can run a model on.</summary>
public enum ExecutionProvider
{
    /// <summary>The processor. In every native package.</summary>
    Cpu = 0,

    /// <summary>NVIDIA GPUs by CUDA. Package <c>Microsoft.ML.OnnxRuntime.Gpu</c>; CUDA and cuDNN installed.</summary>
    Cuda,

    /// <summary>NVIDIA GPUs by TensorRT. Package <c>Microsoft.ML.OnnxRuntime.Gpu</c>; TensorRT, CUDA and cuDNN installed.</summary>
    TensorRt,

    /// <summary>GPUs by DirectX 12, on Windows. Package <c>Microsoft.ML.OnnxRuntime.DirectML</c>.</summary>
    DirectMl,

    /// <summary>Apple's Neural Engine and GPU. In <c>Microsoft.ML.OnnxRuntime</c> on macOS and iOS.</summary>
    CoreMl,

    /// <summary>Intel processors, GPUs and NPUs. Package <c>Intel.ML.OnnxRuntime.OpenVino</c>.</summary>
    OpenVino,

    /// <summary>A GPU if the runtime finds one that it can use, else the processor; the runtime's own choice.</summary>
    Auto,
}
