using System.Diagnostics;
using System.Globalization;
using MlServe.Benchmarks.Scorecard;
using MlServe.Quantization;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Quantization;

/// <summary>How fast a large model is rewritten, without what the runtime takes to open and to measure it.</summary>
internal static class RewriteRows
{
    public static readonly Claim Speed = Claim.AtLeast("int8.rewrite_mb_per_s", "MB/s", 100);

    private const int Rewrites = 15;

    private static readonly int[] Sizes = [2500, 2500, 2500, 2500, 2500];

    public static ScorecardRow Measure(int windows)
    {
        var bytes = OnnxModel.Mlp(1, Sizes);
        var model = ModelProto.Parser.ParseFrom(bytes);
        var plan = new QuantizationPlan { SourceDigest = "", Method = QuantizationMethod.Dynamic, Target = Processor.Current };
        var megabytes = bytes.Length / 1e6;
        var speeds = new double[Rewrites];
        var written = 0;
        for (var i = -1; i < Rewrites; i++)
        {
            // What the rewrite before left behind is not of this one.
            GC.Collect();
            var started = Stopwatch.GetTimestamp();
            written = OnnxFile.ToBytes(PlanExecutor.Apply(model, plan).Model).Length;
            if (i >= 0) speeds[i] = megabytes / Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        return Speed.Row(MedianEstimate.Of(speeds), string.Create(
            CultureInfo.InvariantCulture,
            $"MLP {string.Join('-', Sizes)}, {megabytes:0} MB to {written / 1e6:0}; MB of the source a second of preprocessing, dynamic "
                + $"rewriting and writing to memory, {Rewrites} times"));
    }
}
