using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
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

        var thrown = Assert.Throws<KeyNotFoundException>(() => host.Services.GetRequiredKeyedService<IPredictor>("three"));

        Assert.Equal("There is no model 'three'. The models are: 'one', 'two'.", thrown.Message);
        Assert.Throws<KeyNotFoundException>(() => provider.GetPredictor("three"));
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
    public void Inject_WithoutNameAndNoModels_ThrowsAndSaysHowToAddOne()
    {
        using var host = _test.Build(static services => services.AddMlServing());

        var thrown = Assert.Throws<InvalidOperationException>(host.Services.GetRequiredService<IPredictor>);

        Assert.Contains("There are no models: add one with AddModel, or below MlServing:Models.", thrown.Message, StringComparison.Ordinal);
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

    private sealed class Wrapper(IPredictor inner) : DelegatingPredictor(inner);
}
