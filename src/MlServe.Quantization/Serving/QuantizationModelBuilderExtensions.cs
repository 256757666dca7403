using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlServe.Quantization.Serving;

namespace MlServe;

/// <summary>Quantizes models when they are loaded.</summary>
public static class QuantizationModelBuilderExtensions
{
    /// <summary>
    /// Quantizes the model at its first start and keeps the result for later ones. It is served quantized only if it passed its gate
    /// (speed, agreement with FP32), else as it is, with a warning that says why. A result whose rows depend on their neighbours in a batch
    /// is served only if its method was asked for.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="configure">Gives samples, and changes the options that are not to be as they are by default.</param>
    /// <returns>The same builder.</returns>
    public static ModelBuilder Quantize(this ModelBuilder model, Action<ModelQuantizationOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.Services.AddMlServing().AddQuantization();
        return model.UseFeature(configure);
    }

    /// <summary>
    /// Reads the section <c>Quantization</c> of the models in configuration (<c>MlServing:Models:&lt;name&gt;:Quantization</c>), whose keys
    /// are the properties of <see cref="ModelQuantizationOptions"/>. If a model has one it is quantized as by
    /// <see cref="Quantize(ModelBuilder, Action{ModelQuantizationOptions}?)"/>, and the section wins over code. Values that cannot be right
    /// end the start. May be called more than once.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <returns>The same builder.</returns>
    public static MlServingBuilder AddQuantization(this MlServingBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddFeature<QuantizationFeature>();
    }

    /// <summary>
    /// Quantizes the model when it is read, as <see cref="Quantize(ModelBuilder, Action{ModelQuantizationOptions}?)"/> does, without a
    /// host.
    /// </summary>
    /// <param name="source">The source of the FP32 model.</param>
    /// <param name="options">How; must not change afterwards.</param>
    /// <param name="name">The name of the model in the log.</param>
    /// <param name="loggers">The loggers; null: nothing is logged.</param>
    /// <returns>A source that gives the content that is to be served.</returns>
    public static IModelSource Quantize(
        this IModelSource source, ModelQuantizationOptions options, string name = "model", ILoggerFactory? loggers = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(name);
        return new QuantizedModelSource(source, options, name, loggers);
    }
}
