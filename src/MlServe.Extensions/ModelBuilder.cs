using Microsoft.Extensions.DependencyInjection;
using MlServe.Configuration;
using MlServe.Onnx;

namespace MlServe;

/// <summary>
/// States the source of a model, its way of running, the layers around it and its doors for the application. Values in configuration win
/// over values here. Not safe for concurrent use.
/// </summary>
public sealed partial class ModelBuilder
{
    private readonly Registrations _registrations;

    internal ModelBuilder(IServiceCollection services, string name, Registrations registrations)
    {
        Services = services;
        Name = name;
        _registrations = registrations;
    }

    /// <summary>The name of the model.</summary>
    public string Name { get; }

    /// <summary>The services of the host.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Takes the model from a file.</summary>
    /// <param name="path">The path of the ONNX file; a relative one starts at the host's content root.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return Configure(options => (options.Path, options.Source, options.Predictor) = (path, null, null));
    }

    /// <summary>Takes the model from memory.</summary>
    /// <param name="bytes">The content of the ONNX file; must not change.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromBytes(ReadOnlyMemory<byte> bytes)
    {
        var source = ModelSource.FromBytes(bytes);
        return FromSource(source);
    }

    /// <summary>Takes the model from a source.</summary>
    /// <param name="source">The source; not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromSource(IModelSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return FromSource(_ => source);
    }

    /// <summary>Takes the model from a source that needs services.</summary>
    /// <param name="sourceFactory">Makes or finds the source, at each load; it is not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromSource(Func<IServiceProvider, IModelSource> sourceFactory)
    {
        ArgumentNullException.ThrowIfNull(sourceFactory);
        return Configure(options => (options.Path, options.Source, options.Predictor) = (null, sourceFactory, null));
    }

    /// <summary>
    /// Takes a predictor of your own in place of a model that is loaded here: one that asks another service, a rule, a fake. All layers
    /// stand around it as around a model, but for the batcher, which needs a model. The section <c>Onnx</c> is of no use then. A
    /// <c>Path</c> in configuration takes its place.
    /// </summary>
    /// <param name="predictor">The predictor; not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromPredictor(IPredictor predictor)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        return FromPredictor(_ => predictor, isBorrowed: true);
    }

    /// <summary>Takes a predictor of your own that needs services, as <see cref="FromPredictor(IPredictor)"/> does.</summary>
    /// <param name="factory">Makes the predictor, at each load; it is disposed with the model.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromPredictor(Func<IServiceProvider, IPredictor> factory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        return FromPredictor(factory, isBorrowed: false);
    }

    private ModelBuilder FromPredictor(Func<IServiceProvider, IPredictor> factory, bool isBorrowed) => Configure(options =>
    {
        (options.Path, options.Source, options.Predictor) = (null, null, factory);
        options.IsPredictorBorrowed = isBorrowed;
    });

    /// <summary>
    /// Puts a source of your own around the model's source. The order of the calls plays no part, and configuration may name the source.
    /// One that is added later is given what the earlier made.
    /// </summary>
    /// <param name="wrap">Is given the source and the host's services, at each load; its result is not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WrapSource(Func<IModelSource, IServiceProvider, IModelSource> wrap)
    {
        ArgumentNullException.ThrowIfNull(wrap);
        return Configure(options => options.SourceWrappers.Add(wrap));
    }

    /// <summary>
    /// Lets the host start without the model if it cannot be loaded: see <see cref="ModelOptions.Required"/>. Faults in its configuration
    /// still end the start.
    /// </summary>
    /// <returns>This builder.</returns>
    public ModelBuilder AsOptional() => Configure(static options => options.Required = false);

    /// <summary>Names the version.</summary>
    /// <param name="version">See <see cref="ModelOptions.Version"/>.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithVersion(string version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return Configure(options => options.Version = version);
    }

    /// <summary>Says what the model promises its callers. Values that are left out stay as they were.</summary>
    /// <param name="p99">See <see cref="ServiceLevelOptions.P99"/>.</param>
    /// <param name="availability">See <see cref="ServiceLevelOptions.Availability"/>.</param>
    /// <param name="peakRps">See <see cref="ServiceLevelOptions.PeakRps"/>.</param>
    /// <param name="p50">See <see cref="ServiceLevelOptions.P50"/>.</param>
    /// <param name="quality">See <see cref="ServiceLevelOptions.Quality"/>.</param>
    /// <param name="costPerMillion">See <see cref="ServiceLevelOptions.CostPerMillion"/>.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithServiceLevel(
        TimeSpan? p99 = null, double? availability = null, double? peakRps = null, TimeSpan? p50 = null, double? quality = null,
        double? costPerMillion = null) => Configure(options =>
    {
        options.ServiceLevel.P50 = p50 ?? options.ServiceLevel.P50;
        options.ServiceLevel.Quality = quality ?? options.ServiceLevel.Quality;
        options.ServiceLevel.CostPerMillion = costPerMillion ?? options.ServiceLevel.CostPerMillion;
        options.ServiceLevel.P99 = p99 ?? options.ServiceLevel.P99;
        options.ServiceLevel.Availability = availability ?? options.ServiceLevel.Availability;
        options.ServiceLevel.PeakRps = peakRps ?? options.ServiceLevel.PeakRps;
    });

    /// <summary>States the batch axis of every input that has one, in place of finding it.</summary>
    /// <param name="axis">From 0.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithBatchAxis(int axis) => ConfigureOnnx(onnx => onnx.BatchAxis = axis);

    /// <summary>States the batch axis of one input. Inputs that are not named hold for all rows.</summary>
    /// <param name="input">The name of the model's input.</param>
    /// <param name="axis">From 0.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithBatchAxis(string input, int axis)
    {
        ArgumentNullException.ThrowIfNull(input);
        return ConfigureOnnx(onnx => onnx.BatchAxes[input] = axis);
    }

    /// <summary>Says that the model takes one row at a time.</summary>
    /// <returns>This builder.</returns>
    public ModelBuilder WithoutBatching() => ConfigureOnnx(static onnx => onnx.BatchDetection = BatchDetection.None);

    /// <summary>Gives rows to find the batch axis and to warm up with, in place of random numbers.</summary>
    /// <param name="rows">Two or more that differ are best; their memory must not change.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithSampleInput(params PredictionInputs[] rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return ConfigureOnnx(onnx =>
        {
            foreach (var row in rows)
                onnx.SampleInputs.Add(row);
        });
    }

    /// <summary>Says with how many rows to warm up.</summary>
    /// <param name="rows">See <see cref="OnnxModelOptions.WarmUpRows"/>.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithWarmUp(params int[] rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return ConfigureOnnx(onnx => onnx.WarmUpRows = [.. rows]);
    }

    /// <summary>Runs the model on the processor, after the execution providers named before.</summary>
    /// <returns>This builder.</returns>
    public ModelBuilder UseCpu() => UseExecutionProvider(ExecutionProvider.Cpu);

    /// <summary>Runs the model on an NVIDIA GPU, after the execution providers named before.</summary>
    /// <param name="deviceId">Which GPU, from 0.</param>
    /// <param name="requirement">The outcome if there is none.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseCuda(int deviceId = 0, ProviderRequirement requirement = ProviderRequirement.ElseNext) =>
        UseExecutionProvider(ExecutionProvider.Cuda, requirement, deviceId);

    /// <summary>Runs the model on an execution provider, after those named before.</summary>
    /// <param name="provider">Which one.</param>
    /// <param name="requirement">The outcome if it cannot be had.</param>
    /// <param name="deviceId">Which device, from 0.</param>
    /// <param name="settings">See <see cref="ExecutionProviderOptions.Settings"/>.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseExecutionProvider(
        ExecutionProvider provider, ProviderRequirement requirement = ProviderRequirement.ElseNext, int deviceId = 0,
        IEnumerable<KeyValuePair<string, string>>? settings = null) => ConfigureOnnx(onnx => onnx.ExecutionProviders.Add(new()
        {
            Provider = provider,
            Requirement = requirement,
            DeviceId = deviceId,
            Settings = new Dictionary<string, string>(settings ?? [], StringComparer.Ordinal),
        }));

    /// <summary>Sets what this builder has no method for.</summary>
    /// <param name="configure">Changes the options.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder ConfigureOnnx(Action<OnnxModelOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Configure(options => configure(options.Onnx));
    }

    private ModelBuilder Configure(Action<ModelOptions> configure)
    {
        Services.Configure(Name, configure);
        return this;
    }
}
