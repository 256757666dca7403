using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace MlServe.Quantization.Serving;

/// <summary>Puts the quantizer between a model's source and its load. A class, so that it is seen whether a model has it already.</summary>
internal sealed class QuantizingWrapper(string model)
{
    public IModelSource Wrap(IModelSource source, IServiceProvider services) => source.Quantize(
        services.GetRequiredService<IOptionsMonitor<ModelQuantizationOptions>>().Get(model), model, services.GetService<ILoggerFactory>());
}
