using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Batching;
using Xunit;

namespace MlServe.Hosting;

public sealed class PipelineWarmUpTests : IDisposable
{
    private readonly TestHost _content = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task StartAsync_LayersOfTheApplication_SeeNoWarmUp(bool batching)
    {
        var seen = 0;
        using var host = await _content.StartAsync(services => services.AddMlServing().AddModel("m", model =>
        {
            model.FromFile("m.onnx").Use(inner => new Counting(inner, () => Interlocked.Increment(ref seen)));
            if (batching) model.UseBatching();
        }));

        Assert.Equal(0, seen);
        using var prediction = await host.Services.GetRequiredService<IPredictor>()
            .PredictAsync(PredictionInputs.Row([1f, 2, 3]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(prediction.IsOk);
        Assert.Equal(1, seen);
    }

    [Fact]
    public async Task StartAsync_Batching_TakesItsWay()
    {
        using var host = await _content.StartAsync(static services =>
            services.AddMlServing().AddModel("m", static model => model.FromFile("m.onnx").UseBatching()));

        Assert.True(host.Services.GetRequiredService<IPredictor>().GetService<BatchStatistics>()!.Rows > 0);
    }

    [Fact]
    public async Task StartAsync_WarmUpRunsIsZero_SendsNothing()
    {
        using var host = await _content.StartAsync(static services => services.AddMlServing().AddModel("m", static model => model
            .FromFile("m.onnx").ConfigureOnnx(static onnx => onnx.WarmUpRuns = 0).UseBatching()));

        Assert.Equal(0, host.Services.GetRequiredService<IPredictor>().GetService<BatchStatistics>()!.Rows);
    }

    [Fact]
    public async Task StartAsync_MeterAndActivities_ShowNoWarmUp()
    {
        var durations = 0;
        using var meters = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == MlServeDiagnostics.MeterName) listener.EnableMeasurementEvents(instrument);
            },
        };
        meters.SetMeasurementEventCallback<double>((_, _, tags, _) =>
        {
            foreach (var tag in tags)
            {
                if (tag.Value is "warm-up" or "warmed") Interlocked.Increment(ref durations);
            }
        });
        meters.Start();
        var activities = 0;
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == MlServeDiagnostics.ActivitySourceName,
            Sample = static (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (activity.OperationName is "predict warm-up" or "predict warmed") Interlocked.Increment(ref activities);
            },
        };
        ActivitySource.AddActivityListener(listener);

        using var host = await _content.StartAsync(static services =>
            services.AddMlServing().AddModel("warmed", static model => model.FromFile("m.onnx")));
        Assert.Equal((0, 0), (durations, activities));

        using var prediction = await host.Services.GetRequiredService<IPredictor>()
            .PredictAsync(PredictionInputs.Row([1f, 2, 3]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((1, 1), (durations, activities));
    }

    public void Dispose() => _content.Dispose();

    private sealed class Counting(IPredictor inner, Action onCall) : DelegatingPredictor(inner)
    {
        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            onCall();
            return base.PredictAsync(inputs, options, cancellationToken);
        }
    }
}
