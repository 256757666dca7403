using Microsoft.Extensions.Time.Testing;
using MlServe.Caching;
using MlServe.Fakes;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

/// <summary>A cache around a predictor that answers as told, with a clock that stands.</summary>
internal sealed class CacheHarness : IDisposable
{
    public CacheHarness(
        IPredictor inner, Action<CacheOptions>? configure = null, IRequestHasher? hasher = null, CacheHost? host = null,
        params object[] services)
    {
        Options = new() { SwitchOffWhenUseless = false };
        configure?.Invoke(Options);
        Cache = new PredictorBuilder(inner).UseCache(Options, hasher ?? RequestHasher.Instance)
            .Build(new FakeServices([.. services, Time, Meters, Log, host ?? new()]));
    }

    public CacheOptions Options { get; }

    public FakeTimeProvider Time { get; } = new();

    public FakeMeterFactory Meters { get; } = new();

    public LogList Log { get; } = new();

    public IPredictor Cache { get; }

    public CacheStatistics Statistics => Cache.GetService<CacheStatistics>()!;

    /// <summary>Asks for a number and says where its answer came from.</summary>
    public async Task<PredictionSource> SourceOf(long id)
    {
        using var answer = await Cache.PredictAsync(Answers.Request(id));
        Assert.Equal(id, answer[0].ToScalar<long>());
        return answer.Origin.Source;
    }

    public void Dispose()
    {
        Cache.Dispose();
        Meters.Dispose();
        Log.Dispose();
    }
}
