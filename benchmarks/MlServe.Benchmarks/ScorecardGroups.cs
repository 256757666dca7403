using MlServe.Benchmarks.Quantization;
using MlServe.Benchmarks.Scorecard;

namespace MlServe.Benchmarks;

/// <summary>All that is claimed, in the order in which it is measured.</summary>
internal static class ScorecardGroups
{
    public static readonly ScorecardGroup[] All =
    [
        new([DirectRows.Latency, DirectRows.Bytes], DirectRows.Measure),
        new([PipelineRows.Overhead, PipelineRows.Bytes], PipelineRows.Measure),
        new([PendingRows.Cost, PendingRows.Bytes], PendingRows.Measure),
        new(CacheRows.Claims, CacheRows.Measure),
        new(ResilienceRows.Claims, ResilienceRows.Measure),
        new(BatchingRows.Lone, BatchingRows.LoneLatency),
        new(BatchingRows.Mlp, BatchingRows.MlpVsLimit),
        new(BatchingRows.Cnn, BatchingRows.CnnVsLimit),
        new(BatchingRows.Tiny, BatchingRows.TinyVsUnbatched),
        new(BatchingRows.Fan, BatchingRows.FanOut),
        new([BatchingLoadRows.P99, BatchingLoadRows.DeadlineKept], BatchingLoadRows.Latency),
        new(BatchingLoadRows.Goodput, static _ => BatchingLoadRows.OverloadGoodput()),
        new(BatchingLoadRows.RefusalTime, BatchingLoadRows.Refusal),
        new([LengthRows.Limit, LengthRows.P99], LengthRows.Measure),
        new(NeighbourRows.P99, NeighbourRows.Measure),
        new(GateRows.Direct, GateRows.DirectPath),
        new(GateRows.Batched, GateRows.Batchers),
        new(BlockingRows.Claims, BlockingRows.Measure),
        new([FiniteRows.Check], FiniteRows.Measure),
        new(BatchingLoadRows.Allocated, static _ => BatchingLoadRows.Bytes()),
        new(MlNetRows.Throughput, MlNetRows.MlpThroughput),
        new(MlNetRows.Latency, MlNetRows.TinyLatency),
        new(HttpHopRows.Tiny, HttpHopRows.TinyHop),
        new(HttpHopRows.Mlp, HttpHopRows.MlpHop),
        new(HttpHopRows.Cnn, HttpHopRows.CnnHop),
        new([ColdStartRows.FirstVsSteady, ColdStartRows.FirstVsRawFirst, ColdStartRows.Ready], ColdStartRows.Measure),
        new([LoadRows.Digits, LoadRows.DigitsBatching], LoadRows.MeasureDigits),
        new([LoadRows.ResNet, LoadRows.ResNetBatching, LoadRows.ResNetPeak, LoadRows.ResNetSeen], LoadRows.MeasureResNet),
        new([LoadRows.Mlp, LoadRows.MlpPeak, LoadRows.MlpSeen], LoadRows.MeasureMlp),
        new([FirstSecondsRows.FirstSeconds], FirstSecondsRows.Measure),
        new([ScaleRows.Time, ScaleRows.Memory], ScaleRows.MeasureMany),
        new([ScaleRows.TimeGrowth, ScaleRows.MemoryGrowth], ScaleRows.MeasureGrowth),
        .. Int8Groups.Short,
    ];

    public static IEnumerable<Claim> Claims => All.SelectMany(static group => group.Claims);
}
