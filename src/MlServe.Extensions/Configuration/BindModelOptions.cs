using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace MlServe.Configuration;

/// <summary>
/// Lays a model's configuration over what code has set, and makes its paths whole. What cannot be read is left to the validation, which names it.
/// </summary>
internal sealed class BindModelOptions(ModelCatalog catalog, ModelSections sections, IHostEnvironment? environment) : IPostConfigureOptions<ModelOptions>
{
    public void PostConfigure(string? name, ModelOptions options)
    {
        foreach (var section in catalog.SectionsOf(name ?? ""))
        {
            if (ConfigurationShape.Check(section, typeof(ModelOptions)).Any()) continue;

            // The binder adds to a list, and a path would stand beside a source from code: what is configured takes the place.
            var onnx = section.GetSection(nameof(options.Onnx));
            if (onnx.GetSection(nameof(options.Onnx.ExecutionProviders)).Exists()) options.Onnx.ExecutionProviders = [];
            if (onnx.GetSection(nameof(options.Onnx.WarmUpRows)).Exists()) options.Onnx.WarmUpRows = [];
            var padding = section.GetSection(nameof(options.Batching)).GetSection(nameof(options.Batching.Padding));
            if (padding.GetSection(nameof(options.Batching.Padding.Buckets)).Exists()) options.Batching.Padding.Buckets = [];
            if (section.GetSection(nameof(options.Fallback)).Exists()) options.Fallback = [];
            var breaker = section.GetSection(nameof(options.CircuitBreaker));
            if (breaker.GetSection(nameof(options.CircuitBreaker.ProbabilityOutputs)).Exists()) options.CircuitBreaker.ProbabilityOutputs = [];
            if (!string.IsNullOrWhiteSpace(section[nameof(options.Path)])) (options.Source, options.Predictor) = (null, null);
            section.Bind(options);
        }

        sections.Apply(name ?? "", options);
        options.Path = Absolute(options.Path);
        options.Onnx.OptimizedModelCacheFolder = Absolute(options.Onnx.OptimizedModelCacheFolder);
        options.Onnx.SealKeyFile = Absolute(options.Onnx.SealKeyFile);
        options.Onnx.Verification.ToolPath = Absolute(options.Onnx.Verification.ToolPath);
        options.Onnx.Verification.VerdictFolder = Absolute(options.Onnx.Verification.VerdictFolder);
        options.Onnx.Verification.SealKeyFile = Absolute(options.Onnx.Verification.SealKeyFile);
    }

    private string? Absolute(string? path) => string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal)
        ? path
        : Path.GetFullPath(path, environment?.ContentRootPath ?? AppContext.BaseDirectory);
}
