using Microsoft.ML.OnnxRuntime;

namespace MlServe.Onnx;

/// <summary>
/// Puts the execution providers that were asked for into session options, in order, and says which could not be had and why.
/// </summary>
internal static class ProviderSelector
{
    /// <summary>Appends providers to the options.</summary>
    /// <returns>The provider of first choice that was appended, in the runtime's words, and why others were passed over.</returns>
    public static ProviderSelection Apply(SessionOptions session, IEnumerable<ExecutionProviderOptions> wanted, string[] available)
    {
        var passedOver = new List<string>();
        string? inUse = null;
        foreach (var options in wanted)
        {
            if (options.Provider == ExecutionProvider.Cpu)
            {
                // The processor is always the last resort, so nothing after it can matter.
                inUse ??= ProviderNames.Of(ExecutionProvider.Cpu);
                break;
            }

            try
            {
                Append(session, options, available);
                inUse ??= ProviderNames.Of(options.Provider);
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                var reason = Explain(options.Provider, exception);
                if (options.Requirement == ProviderRequirement.Required)
                    throw new ModelLoadException(ModelLoadFailure.ExecutionProviderMissing, reason, exception);
                passedOver.Add(reason);
            }
        }

        return new(inUse ?? ProviderNames.Of(ExecutionProvider.Cpu), passedOver);
    }

    private static void Append(SessionOptions session, ExecutionProviderOptions options, string[] available)
    {
        if (options.Provider == ExecutionProvider.Auto)
        {
            session.SetEpSelectionPolicy(ExecutionProviderDevicePolicy.PREFER_GPU);
            return;
        }

        var name = ProviderNames.Of(options.Provider);
        if (Array.IndexOf(available, name) < 0)
            throw new NotSupportedException($"the native package in use has {string.Join(", ", available)}");

        var settings = ProviderSettings.ToDictionary(options);
        switch (options.Provider)
        {
            case ExecutionProvider.Cuda:
                using (var cuda = new OrtCUDAProviderOptions())
                {
                    cuda.UpdateOptions(settings);
                    session.AppendExecutionProvider_CUDA(cuda);
                }

                break;
            case ExecutionProvider.TensorRt:
                using (var tensorRt = new OrtTensorRTProviderOptions())
                {
                    tensorRt.UpdateOptions(settings);
                    session.AppendExecutionProvider_Tensorrt(tensorRt);
                }

                break;
            case ExecutionProvider.DirectMl:
                session.AppendExecutionProvider_DML(options.DeviceId);
                break;
            default:
                session.AppendExecutionProvider(ProviderNames.ShortOf(options.Provider), settings);
                break;
        }
    }

    private static string Explain(ExecutionProvider provider, Exception exception)
    {
        var (cause, advice) = exception switch
        {
            NotSupportedException => (exception.Message, ProviderNames.PackageOf(provider)),
            _ when MissingLibrary.Find(exception.Message) is { } library => (library.Cause, library.Advice),
            _ when OrtErrors.FindMissingLibrary(exception) is { } missing =>
                ($"a native library is missing ({OrtErrors.TextOf(missing)})", ProviderNames.PackageOf(provider)),
            _ => (OrtErrors.TextOf(exception), ProviderNames.Needs(provider)),
        };
        return $"The execution provider {provider} cannot be had: {cause}. {advice}";
    }
}
