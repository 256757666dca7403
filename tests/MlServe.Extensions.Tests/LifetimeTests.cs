using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace MlServe;

/// <summary>The container disposes what is registered, and nothing disposes what it was handed.</summary>
public sealed class LifetimeTests : IDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task DisposeAsync_Container_ClosesModelsOnceAndRefuses()
    {
        var layer = new HeldPredictor.Hold();
        layer.Release();
        var container = BuildContainer(model => model.Use(inner => new HeldPredictor(inner, layer)));
        var predictor = container.GetRequiredService<IPredictor>();
        await container.GetRequiredService<IPredictorProvider>().LoadAsync(Token);
        var answer = await predictor.SumAsync();

        await container.DisposeAsync();
        await container.DisposeAsync();
        await predictor.DisposeAsync();

        Assert.Equal(6, answer);
        Assert.Equal(1, layer.Disposals);
        await Assert.ThrowsAsync<ObjectDisposedException>(predictor.SumAsync);
    }

    [Fact]
    public async Task Dispose_ContainerAndNothingInFlight_ClosesModelsBeforeItReturns()
    {
        var layer = new HeldPredictor.Hold();
        var container = BuildContainer(model => model.Use(inner => new HeldPredictor(inner, layer)));
        await container.GetRequiredService<IPredictorProvider>().LoadAsync(Token);

        container.Dispose();

        Assert.Equal(1, layer.Disposals);
    }

    [Fact]
    public async Task DisposeAsync_LayerThrows_TheOthersAreClosedAndTheLogSaysSo()
    {
        var layer = new HeldPredictor.Hold();
        var logs = new FakeLogCollector();
        var container = BuildContainer(
            model => model.Use(static inner => new BrokenAtTheEnd(inner)).Use(inner => new HeldPredictor(inner, layer)),
            services => services.AddLogging(logging => logging.AddProvider(new FakeLoggerProvider(logs)).SetMinimumLevel(LogLevel.Debug)));
        await container.GetRequiredService<IPredictorProvider>().LoadAsync(Token);

        // What it throws from here would keep the container from disposing what is registered besides.
        await container.DisposeAsync();

        Assert.Equal(1, layer.Disposals);
        Assert.Equal("The layer is broken.", Assert.Single(logs.GetSnapshot(), static log => log.Id.Id == 4010).Exception!.Message);
        Assert.Contains(logs.GetSnapshot(), static log => log.Id.Id == 2002);
    }

    [Fact]
    public async Task Dispose_Container_ClosesModelsAndAnswersWhatIsInFlight()
    {
        var hold = new HeldPredictor.Hold();
        var container = BuildContainer(model => model.Use(inner => new HeldPredictor(inner, hold)));
        var predictor = container.GetRequiredService<IPredictor>();
        await container.GetRequiredService<IPredictorProvider>().LoadAsync(Token);
        var pending = predictor.SumAsync();

        container.Dispose();
        hold.Release();

        Assert.Equal(6, await pending);
        await Assert.ThrowsAsync<ObjectDisposedException>(predictor.SumAsync);
    }

    [Fact]
    public async Task Dispose_Host_AfterStop_DoesNothingMore()
    {
        var layer = new HeldPredictor.Hold();
        layer.Release();
        var host = await _test.StartAsync(services => services.AddMlServing()
            .AddModel("sum", model => model.FromFile("m.onnx").Use(inner => new HeldPredictor(inner, layer))));

        await host.StopAsync(Token);
        host.Dispose();
        host.Dispose();

        Assert.Equal(1, layer.Disposals);
    }

    [Fact]
    public async Task Dispose_Container_LeavesSourcesAlone()
    {
        var source = new DisposableSource();
        var container = BuildContainer(model => model.FromSource(source));
        await container.GetRequiredService<IPredictorProvider>().LoadAsync(Token);

        await container.DisposeAsync();

        Assert.Equal((1, false), (source.Reads, source.IsDisposed));
    }

    [Fact]
    public async Task Dispose_Scope_LeavesTheModelAlone()
    {
        await using var container = BuildContainer(static _ => { });
        await container.GetRequiredService<IPredictorProvider>().LoadAsync(Token);

        IPredictor predictor;
        await using (var scope = container.CreateAsyncScope())
            predictor = scope.ServiceProvider.GetRequiredKeyedService<IPredictor>("sum");

        Assert.Equal(6, await predictor.SumAsync());
    }

    [Fact]
    public async Task Dispose_ContainerWhoseModelsWereNeverLoaded_Works()
    {
        var container = BuildContainer(static _ => { });
        var provider = container.GetRequiredService<IPredictorProvider>();
        var predictor = provider.GetPredictor("sum");

        await container.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(predictor.SumAsync);
        Assert.Throws<ObjectDisposedException>(() => provider.GetPredictor("sum"));
    }

    [Fact]
    public async Task LoadAsync_DisposedWhileLoading_ClosesWhatWasLoaded()
    {
        var source = new HeldSource();
        var container = BuildContainer(model => model.FromSource(source));
        var loading = container.GetRequiredService<IPredictorProvider>().LoadAsync(Token);
        await source.Entered;

        await container.DisposeAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loading);
    }

    [Fact]
    public async Task LoadAsync_FirstCallerCancels_TheOthersGetTheModel()
    {
        var source = new HeldSource();
        await using var container = BuildContainer(model => model.FromSource(source));
        var provider = container.GetRequiredService<IPredictorProvider>();
        using var cancelled = new CancellationTokenSource();
        var first = provider.LoadAsync(cancelled.Token);
        await source.Entered;
        var second = provider.LoadAsync(Token);

        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        source.Release();
        await second;

        Assert.Equal(6, await provider.GetPredictor("sum").SumAsync());
    }

    [Fact]
    public async Task LoadAsync_AllCallersCancel_GoesOnForWhoeverAsksNext()
    {
        var source = new HeldSource();
        await using var container = BuildContainer(model => model.FromSource(source));
        var provider = container.GetRequiredService<IPredictorProvider>();
        using var cancelled = new CancellationTokenSource();
        Task[] callers = [provider.LoadAsync(cancelled.Token), provider.LoadAsync(cancelled.Token)];
        await source.Entered;

        await cancelled.CancelAsync();
        foreach (var caller in callers)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => caller);
        source.Release();
        await provider.LoadAsync(Token);

        Assert.Equal(1, source.Reads);
        Assert.Equal(6, await provider.GetPredictor("sum").SumAsync());
    }

    [Fact]
    public async Task LoadAsync_CancelledBeforehand_BeginsNothing()
    {
        var source = new HeldSource();
        await using var container = BuildContainer(model => model.FromSource(source));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            container.GetRequiredService<IPredictorProvider>().LoadAsync(new(canceled: true)));

        Assert.Equal(0, source.Reads);
    }

    [Fact]
    public async Task Use_LayerWithServices_GetsServiceLevelAndOtherModels()
    {
        ServiceLevel? seen = null;
        IPredictor? other = null;
        var services = new ServiceCollection();
        services.AddMlServing()
            .AddModel("sum", model => model.FromBytes(TinyOnnx.WeightedSum()).WithServiceLevel(availability: 0.9).Use((inner, provider) =>
            {
                seen = provider.GetService<ServiceLevel>();
                other = provider.GetRequiredKeyedService<IPredictor>("other");
                return inner;
            }))
            .AddModel("other", static model => model.FromBytes(TinyOnnx.WeightedSum(weight: 2)));
        await using var container = services.BuildServiceProvider();

        await container.GetRequiredService<IPredictorProvider>().LoadAsync(Token);

        Assert.Equal(0.9, seen!.Availability);
        Assert.Same(seen, container.GetRequiredKeyedService<IPredictor>("sum").GetService<ServiceLevel>());
        Assert.Equal(12, await other!.SumAsync());
    }

    private static ServiceProvider BuildContainer(Action<ModelBuilder> configure, Action<IServiceCollection>? addMore = null)
    {
        var services = new ServiceCollection();
        addMore?.Invoke(services);
        services.AddMlServing().AddModel("sum", model =>
        {
            model.FromBytes(TinyOnnx.WeightedSum());
            configure(model);
        });
        return services.BuildServiceProvider();
    }

    private sealed class BrokenAtTheEnd(IPredictor inner) : DelegatingPredictor(inner)
    {
        protected override async ValueTask DisposeAsyncCore()
        {
            await base.DisposeAsyncCore();
            throw new InvalidOperationException("The layer is broken.");
        }
    }

    private sealed class DisposableSource : IModelSource, IDisposable
    {
        public int Reads { get; private set; }

        public bool IsDisposed { get; private set; }

        public ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
        {
            Reads++;
            return new(new ModelContent(TinyOnnx.WeightedSum(), "test"));
        }

        public void Dispose() => IsDisposed = true;
    }

    private sealed class HeldSource : IModelSource
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Entered => _entered.Task;

        public int Reads { get; private set; }

        public void Release() => _released.TrySetResult();

        public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
        {
            Reads++;
            _entered.TrySetResult();
            await _released.Task.WaitAsync(cancellationToken);
            return new(TinyOnnx.WeightedSum(), "test");
        }
    }
}
