using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace MlServe;

/// <summary>The host says who asks, where a request's options do not.</summary>
public sealed class CallerAccessorTests : IDisposable
{
    private readonly TestHost _test = new();
    private readonly Ambient _ambient = new();
    private readonly List<PredictionOptions?> _seen = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task PredictAsync_OptionsNameNobody_LayersSeeTheHostsCaller()
    {
        using var host = await StartAsync(registers: true);
        var predictor = host.Services.GetRequiredService<IPredictor>();
        var anna = new Caller { Tenant = "north", Subject = "anna" };
        var ben = new Caller { Tenant = "south", Subject = "ben" };

        // The load and its warm-up were nobody's.
        Assert.Equal(0, _ambient.Asked);
        var given = new PredictionOptions { Outputs = ["y"], SequenceKey = "s" };
        await AskAsync(predictor, anna, null);
        await AskAsync(predictor, anna, given);
        await AskAsync(predictor, ben, new() { Caller = anna });
        await AskAsync(predictor, null, given);
        await AskAsync(predictor, null, null);
        await AskAsync(predictor, ben, null);

        Assert.Equal([anna, anna, anna, null, null, ben], _seen.Select(static options => options?.Caller));
        Assert.Equal([null, "s", null, "s", null, null], _seen.Select(static options => options?.SequenceKey));
        Assert.Same(given, _seen[3]);
        Assert.Null(_seen[4]);
        Assert.Null(given.Caller);
    }

    [Fact]
    public async Task PredictAsync_AccessorThrows_RequestIsRefusedAndTheNextIsAnswered()
    {
        using var host = await StartAsync(registers: true);
        var predictor = host.Services.GetRequiredService<IPredictor>();
        _ambient.Fault = new InvalidOperationException("no session");
        var error = await predictor.ErrorAsync();
        _ambient.Fault = null;

        Assert.Equal((PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed, "no session"), (error.Status, error.Code,
            error.Exception?.Message));
        Assert.Contains("ICallerAccessor", error.Message, StringComparison.Ordinal);
        Assert.Empty(_seen);
        Assert.Equal(6, await predictor.SumAsync());
    }

    [Fact]
    public async Task PredictAsync_HostSaysNothing_NothingStandsBefore()
    {
        using var host = await StartAsync(registers: false);
        Assert.Equal(6, await host.Services.GetRequiredService<IPredictor>().SumAsync());
        Assert.Equal((0, null), (_ambient.Asked, Assert.Single(_seen)));
        Assert.Null(host.Services.GetRequiredService<IPredictor>().GetService<Hosting.CallerPredictor>());
    }

    private Task<IHost> StartAsync(bool registers) => _test.StartAsync(services =>
    {
        if (registers) services.AddSingleton<ICallerAccessor>(_ambient);
        services.AddMlServing().AddModel("m", model => model.FromFile("m.onnx").Use(inner => new Onlooker(inner,
            _seen)).UseStandardPipeline());
    });

    private async Task AskAsync(IPredictor predictor, Caller? ambient, PredictionOptions? options)
    {
        _ambient.Caller = ambient;
        using var answer = await predictor.PredictAsync(Asking.OneTwoThree, options, Token);
        Assert.True(answer.IsOk);
    }

    private sealed class Ambient : ICallerAccessor
    {
        public Caller? Caller { get; set; }

        public Exception? Fault { get; set; }

        public int Asked { get; private set; }

        public Caller? Current
        {
            get
            {
                Asked++;
                return Fault is null ? Caller : throw Fault;
            }
        }
    }

    private sealed class Onlooker(IPredictor inner, List<PredictionOptions?> seen) : DelegatingPredictor(inner)
    {
        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            seen.Add(options);
            return base.PredictAsync(inputs, options, cancellationToken);
        }
    }
}
