using System.Runtime.InteropServices;
using MlServe.Guests;
using MlServe.Tensors;
using MlServe.Threading;

namespace MlServe.Resilience;

/// <summary>Injects faults into a model.</summary>
internal sealed class ChaosPredictor : DelegatingPredictor
{
    private readonly ChaosOptions _options;
    private readonly TimeProvider _time;
    private readonly ModelIdentity _model;
    private readonly GuardedCounter<long> _faults;
    private readonly Random _random;
    private readonly Lock _lock = new();

    public ChaosPredictor(IPredictor inner, ChaosOptions options, ModelIdentity model, GuardedMeter meter, TimeProvider time)
        : base(inner)
    {
        _options = options;
        _time = time;
        _model = model;
        _faults = HostInstruments.For(meter, static meter => meter.CreateCounter<long>(
            MlServeDiagnostics.ChaosFaultsMetric, "{fault}", "Faults injected by UseChaos."));
        _random = options.Seed is { } seed ? new(seed) : new();
    }

    public override async ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var (isLate, fails, isInvalid) = Draw();
        if (isLate)
        {
            Count("latency");
            await UrgentDelay.WaitAsync(_options.Latency, _time, cancellationToken).ConfigureAwait(false);
        }

        if (fails)
        {
            Count("failure");
            return Prediction.FromError(new(
                PredictionStatus.Failed, PredictionErrorCode.FaultInjected, "Model '{0}' was made to fail (Chaos:FailureRate is {1}).",
                _model.Name, _options.FailureRate)
            {
                Model = _model,
            });
        }

        var answer = await Inner.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
        if (!answer.IsOk) return answer;

        // A run that the batcher has measured was held up as well.
        if (isLate && answer.Origin is { RunTime.Ticks: > 0 } origin)
            answer.SetOrigin(origin with { RunTime = origin.RunTime + _options.Latency });
        if (isInvalid)
        {
            Count("invalid_output");
            Spoil(in answer);
        }

        return answer;
    }

    private (bool IsLate, bool Fails, bool IsInvalid) Draw()
    {
        lock (_lock)
            return (_random.NextDouble() < _options.LatencyRate, _random.NextDouble() < _options.FailureRate,
                _random.NextDouble() < _options.InvalidOutputRate);
    }

    private static void Spoil(in Prediction answer)
    {
        for (var i = 0; i < answer.Count; i++)
        {
            var value = answer.ValueAt(i);
            if (value.Length == 0) continue;
            switch (value.ElementType)
            {
                case ElementType.Float:
                    MemoryMarshal.Cast<byte, float>(value.Bytes)[0] = float.NaN;
                    break;
                case ElementType.Double:
                    MemoryMarshal.Cast<byte, double>(value.Bytes)[0] = double.NaN;
                    break;
                case ElementType.Float16:
                    MemoryMarshal.Cast<byte, Half>(value.Bytes)[0] = Half.NaN;
                    break;
            }
        }
    }

    private void Count(string fault) =>
        _faults.Add(1, new(MlServeDiagnostics.ModelTag, _model.Name), new(MlServeDiagnostics.ChaosFaultTag, fault));
}
