using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Xunit;

namespace MlServe;

public sealed class PredictorResolutionTests : IDisposable
{
    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task Inject_ByName_IsTheModelOfThatName()
    {
        using var host = await StartTwoAsync();
        await using var scope = host.Services.CreateAsyncScope();

        var consumer = ActivatorUtilities.CreateInstance<Consumer>(scope.ServiceProvider);

        Assert.Equal(6, await consumer.One.SumAsync());
        Assert.Equal(12, await consumer.Two.SumAsync());
    }

    [Fact]
    public async Task Inject_ContainerThatIsValidatedWhenBuilt_IsFound()
    {
        var services = new ServiceCollection();
        services.AddSingleton<Consumer>();
        services.AddMlServing()
            .AddModel("one", static model => model.FromBytes(TinyOnnx.WeightedSum()))
            .AddModel("two", static model => model.FromBytes(TinyOnnx.WeightedSum()));

        await using var container = services.BuildServiceProvider(new ServiceProviderOptions
        {
            ValidateOnBuild = true,
            ValidateScopes = true,
        });

        Assert.NotSame(container.GetRequiredService<Consumer>().One, container.GetRequiredService<Consumer>().Two);
    }

    [Fact]
    public async Task GetPredictor_SameName_IsAlwaysTheSameInstance()
    {
        using var host = await StartTwoAsync();
        var provider = host.Services.GetRequiredService<IPredictorProvider>();

        var predictor = provider.GetPredictor("one");

        Assert.Same(predictor, host.Services.GetRequiredKeyedService<IPredictor>("one"));
        Assert.Same(predictor, provider.GetPredictor("ONE"));
        Assert.True(provider.TryGetPredictor("one", out var found));
        Assert.Same(predictor, found);
        Assert.Equal(["one", "two"], provider.Names);
    }

    [Fact]
    public async Task Inject_UnknownName_ThrowsAndListsTheNames()
    {
        using var host = await StartTwoAsync();
        var provider = host.Services.GetRequiredService<IPredictorProvider>();

        var thrown = Assert.Throws<KeyNotFoundException>(() => provider.GetPredictor("onne"));

        Assert.Equal("There is no model 'onne'. Did you mean 'one'? The models are: 'one', 'two'.", thrown.Message);
        Assert.Equal(
            "There is no model 'three'. The models are: 'one', 'two'.",
            Assert.Throws<KeyNotFoundException>(() => provider.GetPredictor("three")).Message);
        Assert.False(provider.TryGetPredictor("three", out _));
    }

    [Fact]
    public async Task Inject_KeyThatIsNoString_Throws()
    {
        using var host = await StartTwoAsync();

        var thrown = Assert.Throws<InvalidOperationException>(() => host.Services.GetRequiredKeyedService<IPredictor>(7));

        Assert.Equal("Models are asked for by name, a string; the key given is '7' of type Int32.", thrown.Message);
    }

    [Fact]
    public void Inject_WithoutNameAndNoModels_IsNullAndSaysHowToAddOne()
    {
        var logs = new FakeLogCollector();
        using var host = _test.Build(services =>
        {
            services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(logs));
            services.AddMlServing();
        });

        Assert.Null(host.Services.GetService<IPredictor>());
        Assert.Throws<InvalidOperationException>(host.Services.GetRequiredService<IPredictor>);

        Assert.Equal(
            "There are no models: add one with AddModel, or below MlServing:Models. The configuration has no section 'MlServing'. "
            + "Null is given to who asked for it and can do without it", logs.GetSnapshot()[0].Message);
    }

    /// <summary>Who can do without a model says so: by a default, by an annotation, or by asking for what may be null.</summary>
    [Fact]
    public async Task Inject_OptionalModelThatIsNotThere_IsNullAndTold()
    {
        var logs = new FakeLogCollector();
        using var host = await _test.StartAsync(services =>
        {
            services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(logs));
            services.AddSingleton<ByDefault>();
            services.AddSingleton<ByAnnotation>();
            services.AddMlServing().AddModel("one", static model => model.FromFile("m.onnx"));
        });

        Assert.Null(host.Services.GetKeyedService<IPredictor>("onne"));
        Assert.Null(host.Services.GetKeyedService<IModelVersions>("onne"));
        Assert.Null(host.Services.GetKeyedService<IPredictor<float, float>>("onne"));
        Assert.Null(host.Services.GetRequiredService<ByDefault>().Model);
        Assert.Null(host.Services.GetRequiredService<ByAnnotation>().Model);
        Assert.NotNull(host.Services.GetRequiredService<IPredictor>());

        Assert.All(
            logs.GetSnapshot().Where(static log => log.Level == LogLevel.Warning), static log => Assert.Equal(
                (4016, "There is no model 'onne'. Did you mean 'one'? The models are: 'one'. Null is given to who asked for it and can do "
                + "without it"), (log.Id.Id, log.Message)));
        Assert.Contains(logs.GetSnapshot(), static log => log.Id.Id == 4016);
    }

    /// <summary>The container gives null to who needs it as well, who would fail at the first request.</summary>
    [Theory]
    [InlineData(typeof(Needs), "the IPredictor 'onne'. There is no model 'onne'. Did you mean 'one'?")]
    [InlineData(typeof(NeedsVersions), "the IModelVersions 'onne'. There is no model 'onne'. Did you mean 'one'?")]
    [InlineData(typeof(NeedsDoor), "the IPredictor<float[], int> 'one'. Model 'one' has no typed door IPredictor<float[], int>.")]
    public async Task Start_RegisteredClassNeedsAModelThatIsNotThere_IsRefused(Type consumer, string problem)
    {
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => _test.StartAsync(services =>
        {
            services.AddMlServing().AddModel("one", static model => model.FromFile("m.onnx"));
            services.AddSingleton(consumer);
        }));

        var failure = Assert.Single(thrown.Failures);
        Assert.StartsWith($"{consumer.Name} cannot be made: its parameter 'model' needs {problem}", failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_RegisteredClassNeedsAModelAndThereIsNone_IsRefused()
    {
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => _test.StartAsync(static services =>
        {
            services.AddSingleton<NeedsAny>();
            services.AddMlServing();
        }, """{ "MLServe": { "Models": { "one": { "Path": "m.onnx" } } } }"""));

        Assert.Equal(
            "NeedsAny cannot be made: its parameter 'model' needs IPredictor. There are no models: add one with AddModel, or below "
            + "MlServing:Models. The configuration has no section 'MlServing'. It has 'MLServe': rename that.",
            Assert.Single(thrown.Failures));
    }

    [Fact]
    public async Task Inject_WithoutNameAndSeveralModels_ThrowsAndListsTheNames()
    {
        using var host = await StartTwoAsync();

        var thrown = Assert.Throws<InvalidOperationException>(host.Services.GetRequiredService<IPredictor>);

        Assert.Equal(
            "IPredictor was asked for without a name, and no single model is meant. The models are: 'one', 'two'. Ask for one with "
            + "[FromKeyedServices(\"name\")], or mark one with AsDefault().", thrown.Message);
    }

    [Fact]
    public async Task Inject_WithoutNameAndADefault_IsTheDefault()
    {
        using var host = await StartTwoAsync(static model => model.AsDefault());

        Assert.Same(host.Services.GetRequiredKeyedService<IPredictor>("two"), host.Services.GetRequiredService<IPredictor>());
    }

    [Fact]
    public async Task Inject_WithoutNameWhereTheApplicationHasItsOwn_IsTheApplications()
    {
        using var host = await _test.StartAsync(static services =>
        {
            services.AddSingleton<IPredictor>(static provider => new Wrapper(provider.GetRequiredKeyedService<IPredictor>("one")));
            services.AddMlServing().AddModel("one", static model => model.FromFile("m.onnx"));
        });

        Assert.IsType<Wrapper>(host.Services.GetRequiredService<IPredictor>());
    }

    private Task<IHost> StartTwoAsync(Action<ModelBuilder>? configureSecond = null) => _test.StartAsync(services => services.AddMlServing()
        .AddModel("one", static model => model.FromFile("m.onnx"))
        .AddModel("two", model =>
        {
            model.FromBytes(TinyOnnx.WeightedSum(weight: 2));
            configureSecond?.Invoke(model);
        }));

    private sealed class Consumer([FromKeyedServices("one")] IPredictor one, [FromKeyedServices("two")] IPredictor two)
    {
        public IPredictor One { get; } = one;

        public IPredictor Two { get; } = two;
    }

    private sealed class ByDefault([FromKeyedServices("onne")] IPredictor model = null!)
    {
        public IPredictor Model { get; } = model;
    }

    private sealed class ByAnnotation([FromKeyedServices("onne")] IPredictor? model)
    {
        public IPredictor? Model { get; } = model;
    }

    private sealed class Needs([FromKeyedServices("onne")] IPredictor model)
    {
        public IPredictor Model { get; } = model;
    }

    private sealed class NeedsAny(IPredictor model)
    {
        public IPredictor Model { get; } = model;
    }

    private sealed class NeedsVersions([FromKeyedServices("onne")] IModelVersions model)
    {
        public IModelVersions Model { get; } = model;
    }

    private sealed class NeedsDoor([FromKeyedServices("one")] IPredictor<float[], int> model)
    {
        public IPredictor<float[], int> Model { get; } = model;
    }

    private sealed class Wrapper(IPredictor inner) : DelegatingPredictor(inner);
}
