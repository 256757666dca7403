namespace MlServe.Onnx;

/// <summary>One execution provider to try.</summary>
public sealed class ExecutionProviderOptions
{
    /// <summary>Which one. Default: <see cref="ExecutionProvider.Cpu"/>.</summary>
    public ExecutionProvider Provider { get; set; }

    /// <summary>
    /// The outcome if the provider cannot be had. Default: <see cref="ProviderRequirement.ElseNext"/>, because a slow answer is better than
    /// none.
    /// </summary>
    public ProviderRequirement Requirement { get; set; }

    /// <summary>Which device, from 0, if the provider has several. Default: 0.</summary>
    public int DeviceId { get; set; }

    /// <summary>
    /// Settings in the provider's own words, as its ONNX Runtime documentation names them (<c>gpu_mem_limit</c>, <c>trt_fp16_enable</c>,
    /// <c>device_type</c>). Default: none.
    /// </summary>
    public IDictionary<string, string> Settings { get; set; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
