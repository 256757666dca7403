using System.Globalization;
using Microsoft.ML.OnnxRuntime;

namespace MlServe.Onnx;

/// <summary>Translates <see cref="OnnxModelOptions"/> into the runtime's session options.</summary>
internal static class SessionOptionsFactory
{
    /// <summary>Makes session options, to be disposed once the session is open.</summary>
    public static SessionOptions Create(
        OnnxModelOptions options, string? externalDataFolder, out ProviderSelection providers, out bool sharesPool,
        GraphOptimization? optimization = null)
    {
        var session = new SessionOptions();
        try
        {
            session.GraphOptimizationLevel = (optimization ?? options.Optimization) switch
            {
                GraphOptimization.None => GraphOptimizationLevel.ORT_DISABLE_ALL,
                GraphOptimization.Basic => GraphOptimizationLevel.ORT_ENABLE_BASIC,
                GraphOptimization.Extended => GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
                _ => GraphOptimizationLevel.ORT_ENABLE_ALL,
            };

            // Environment.ProcessorCount knows a container's limit; the runtime's own default does not.
            session.IntraOpNumThreads = options.IntraOpThreads == 0 ? Environment.ProcessorCount : options.IntraOpThreads;
            session.InterOpNumThreads = options.InterOpThreads;
            session.ExecutionMode = options.InterOpThreads > 1 ? ExecutionMode.ORT_PARALLEL : ExecutionMode.ORT_SEQUENTIAL;
            session.EnableCpuMemArena = options.UseArena;
            // What goes wrong comes back as an exception; the runtime would print it to the standard error stream as well.
            session.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL;

            var spinning = options.AllowSpinning ? "1" : "0";
            session.AddSessionConfigEntry("session.intra_op.allow_spinning", spinning);
            session.AddSessionConfigEntry("session.inter_op.allow_spinning", spinning);
            if (externalDataFolder is not null)
                session.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", externalDataFolder);

            // What the inspection has counted, held again by the runtime, which counts what it really makes.
            session.AddSessionConfigEntry(
                "session.function_expansion_node_limit", options.InspectionLimits.MaxExpandedNodes.ToString(CultureInfo.InvariantCulture));
            session.AddSessionConfigEntry(
                "optimization.constant_folding_max_output_size_in_bytes",
                options.InspectionLimits.MaxDerivedBytes.ToString(CultureInfo.InvariantCulture));
            foreach (var (name, size) in options.FreeDimensions)
                session.AddFreeDimensionOverrideByName(name, size);
            if (options.UseArena && OnnxRuntimeEnvironment.HasSharedArena)
            {
                // Weights go back to the system with their session, and do not stay in what all share.
                session.AddSessionConfigEntry("session.use_env_allocators", "1");
                session.AddSessionConfigEntry("session.use_device_allocator_for_initializers", "1");
            }

            foreach (var (key, value) in options.SessionEntries)
                session.AddSessionConfigEntry(key, value);

            sharesPool = options.UseSharedThreadPool && OnnxRuntimeEnvironment.HasSharedThreadPool;
            if (sharesPool) session.DisablePerSessionThreads();

            providers = ProviderSelector.Apply(session, options.ExecutionProviders, OrtEnv.Instance().GetAvailableProviders());
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }
}
