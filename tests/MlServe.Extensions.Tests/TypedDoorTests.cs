using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace MlServe;

public sealed class TypedDoorTests : IDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task Inject_OneModelWithTheDoor_IsFoundWithAndWithoutName()
    {
        using var host = await _test.StartAsync(static services => services.AddMlServing()
            .AddModel("other", static model => model.FromFile("m.onnx"))
            .AddModel("sum", static model => model.FromFile("m.onnx").As<Point, float>(Encode, Decode)));

        Assert.Equal(6, await host.Services.GetRequiredService<IPredictor<Point, float>>().PredictAsync(new(1, 2, 3),
            cancellationToken: Token));
        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor<Point, float>>("sum").PredictAsync(new(1, 2, 3),
            cancellationToken: Token));
        Assert.Null(host.Services.GetKeyedService<IPredictor<Point, float>>("other"));
    }

    [Fact]
    public async Task Inject_SeveralModelsWithTheDoor_NeedsANameOrADefault()
    {
        using var undecided = await StartTwoAsync(static _ => { });
        using var decided = await StartTwoAsync(static model => model.AsDefault());

        var thrown = Assert.Throws<InvalidOperationException>(undecided.Services.GetRequiredService<IPredictor<Point, float>>);

        Assert.StartsWith("IPredictor<Point, float> was asked for without a name", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(6, await undecided.Services.GetRequiredKeyedService<IPredictor<Point, float>>("one").PredictAsync(new(1, 2, 3),
            cancellationToken: Token));
        Assert.Equal(12, await undecided.Services.GetRequiredKeyedService<IPredictor<Point, float>>("two").PredictAsync(new(1, 2, 3),
            cancellationToken: Token));
        Assert.Equal(12, await decided.Services.GetRequiredService<IPredictor<Point, float>>().PredictAsync(new(1, 2, 3),
            cancellationToken: Token));
    }

    [Fact]
    public async Task As_MapperOfTheContainer_GetsItsServices()
    {
        using var host = await _test.StartAsync(static services =>
        {
            services.AddSingleton(new Unit(100));
            services.AddMlServing().AddModel("sum", static model => model.FromFile("m.onnx").As<Point, float, UnitMapper>());
        });

        Assert.Equal(600, await host.Services.GetRequiredService<IPredictor<Point, float>>().PredictAsync(new(1, 2, 3),
            cancellationToken: Token));
    }

    [Fact]
    public async Task As_Mapper_IsUsedAndNotDisposed()
    {
        var mapper = new DisposableMapper();
        using (var host = await _test.StartAsync(
            services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx").As<Point, float>(mapper))))
        {
            Assert.Equal(6, await host.Services.GetRequiredService<IPredictor<Point, float>>().PredictAsync(new(1, 2, 3),
                cancellationToken: Token));
        }

        Assert.False(mapper.IsDisposed);
    }

    [Fact]
    public async Task Inject_DoorThatNoModelHas_IsToldWhichThereAre()
    {
        using var host = await StartTwoAsync(static _ => { });
        using var none = _test.Build(static services => services.AddMlServing());

        var thrown = Assert.Throws<InvalidOperationException>(host.Services.GetRequiredService<IPredictor<Point, int[]>>);

        Assert.Equal(
            "No model has the typed door IPredictor<Point, int[]>. There are: IPredictor<Point, float> of model 'one'; "
            + "IPredictor<Point, float> of model 'two'. Open one where a model is added in code: AddModel(name, model => "
            + "model.As<TInput, TOutput>(...)).", thrown.Message);
        Assert.Contains(
            "There are no typed doors.", Assert.Throws<InvalidOperationException>(none.Services.GetRequiredService<IPredictor<Point, int>>)
                .Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PredictAsync_WhateverIsWrong_IsToldByTheTask()
    {
        using var host = _test.Build(static services => services.AddMlServing()
            .AddModel("sum", static model => model.FromFile("m.onnx").As<Point, float>(Encode, Decode)));
        var door = host.Services.GetRequiredService<IPredictor<Point, float>>();

        var early = door.PredictAsync(new(1, 2, 3), cancellationToken: Token);
        var none = door.PredictManyAsync(null!, null, Token);

        await Assert.ThrowsAsync<PredictionException>(async () => await early);
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await none);
    }

    [Fact]
    public async Task PredictAsync_ModelNotLoaded_ThrowsWithTheStatus()
    {
        using var host = _test.Build(
            static services =>
                services.AddMlServing().AddModel("sum", static model => model.FromFile("m.onnx").As<Point, float>(Encode, Decode)));
        var door = host.Services.GetRequiredService<IPredictor<Point, float>>();

        var early = await Assert.ThrowsAsync<PredictionException>(async () => await door.PredictAsync(new(1, 2, 3),
            cancellationToken: Token));
        var many = await door.PredictManyAsync([new(1, 2, 3), new(4, 5, 6)], null, Token);
        Assert.Equal([PredictionErrorCode.NotLoaded, PredictionErrorCode.NotLoaded], many.Select(static result => result.Error.Code));
        Assert.Empty(await door.PredictManyAsync([], null, Token));
        await host.StartAsync(Token);
        Assert.Equal([6, 15], (await door.PredictManyAsync([new(1, 2, 3), new(4, 5, 6)], null, Token)).Select(static result =>
            result.Value));
        var answer = await door.PredictAsync(new(1, 2, 3), cancellationToken: Token);
        await host.StopAsync(Token);
        var late = await Assert.ThrowsAsync<PredictionException>(async () => await door.PredictAsync(new(1, 2, 3),
            cancellationToken: Token));

        Assert.Equal((PredictionStatus.NotReady, PredictionErrorCode.NotLoaded), (early.Status, early.Error.Code));
        Assert.Equal(6, answer);
        Assert.Equal((PredictionStatus.NotReady, PredictionErrorCode.Draining), (late.Status, late.Error.Code));
    }

    private static void Encode(Point point, PredictionInputWriter writer)
    {
        var row = writer.Tensor<float>(3);
        (row[0], row[1], row[2]) = (point.X, point.Y, point.Z);
    }

    private static float Decode(Prediction prediction) => prediction["y"].ToScalar<float>();

    private Task<IHost> StartTwoAsync(Action<ModelBuilder> configureSecond) => _test.StartAsync(services => services.AddMlServing()
        .AddModel("one", static model => model.FromFile("m.onnx").As<Point, float>(Encode, Decode))
        .AddModel("two", model => configureSecond(model.FromBytes(TinyOnnx.WeightedSum(weight: 2)).As<Point, float>(Encode, Decode))));

    internal readonly record struct Point(float X, float Y, float Z);

    internal sealed record Unit(float Factor);

    internal sealed class UnitMapper(Unit unit) : IPredictionMapper<Point, float>
    {
        public void Encode(Point input, PredictionInputWriter writer) => TypedDoorTests.Encode(input, writer);

        public float Decode(Prediction prediction) => unit.Factor * TypedDoorTests.Decode(prediction);
    }

    private sealed class DisposableMapper : IPredictionMapper<Point, float>, IDisposable
    {
        public bool IsDisposed { get; private set; }

        public void Encode(Point input, PredictionInputWriter writer) => TypedDoorTests.Encode(input, writer);

        public float Decode(Prediction prediction) => TypedDoorTests.Decode(prediction);

        public void Dispose() => IsDisposed = true;
    }
}
