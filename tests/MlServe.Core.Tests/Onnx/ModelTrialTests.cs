using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using MlServe.Onnx.Inspection;
using MlServe.Onnx.Probing;

namespace MlServe.Onnx;

/// <summary>What a trial leaves behind: the one session that it gives, warm, and nothing else.</summary>
public sealed class ModelTrialTests
{
    [Fact]
    public void Run_CancelledWhileTriedWithLessOptimization_ClosesTheFirstSession()
    {
        const int threads = 64;
        var before = CountThreads();
        using var stop = new CancellationTokenSource();
        var trials = 0;
        var trial = TrialOf(FailingModelTests.BrokenByFusion(1, 1).ToArray(), new() { IntraOpThreads = threads + 1 }, null, stop.Token, stage =>
        {
            if (stage == "being tried for its batch axis" && ++trials == 2) stop.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => trial.Run(null, stop.Token));
        Assert.Equal(2, trials);

        // A session has threads of its own as long as it is open.
        Assert.True(CountThreads() < before + (threads / 2), "a session is still open");
    }

    private static ModelTrial TrialOf(byte[] model, OnnxModelOptions options, byte[]? studied, CancellationToken cancellationToken, Action<string>? stage = null)
    {
        var context = new ModelLoadContext { RunGate = new(1) };
        return new(new(new(model, "tiny"), options, context, NullLogger.Instance), new GraphStudy(studied ?? model, cancellationToken), OnnxInspector.Inspect(model), new("m", "1", "d"), options, context, stage ?? (static _ => { }));
    }

    private static int CountThreads()
    {
        using var process = Process.GetCurrentProcess();
        return process.Threads.Count;
    }
}
