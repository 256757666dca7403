using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MlServe.Configuration;

namespace MlServe.Quantization.Serving;

/// <summary>What reads the section of configuration.</summary>
internal static class QuantizationServices
{
    public static void Add(IServiceCollection services)
    {
        ConfigurationShape.Add<ModelQuantizationOptions>();
        ConfigurationShape.Add<QuantizationOptions>();
        ConfigurationShape.Add<QuantizationGate>();
        ConfigurationShape.Add<PreprocessingOptions>();
        services.AddOptions();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ModelSection, QuantizationSection>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<ModelQuantizationOptions>, BindModelQuantizationOptions>(
            static services => new(services.GetRequiredService<ModelCatalog>(), services.GetService<IHostEnvironment>())));
    }
}
