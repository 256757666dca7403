using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using MlServe.Onnx.Inspection;
using MlServe.Onnx.Probing;
using MlServe.Tensors;
using MlServe.Tests;

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
        var trial = TrialOf(
            FailingModelTests.BrokenByFusion(1, 1).ToArray(), new() { IntraOpThreads = threads + 1 }, null, stop.Token, stage =>
        {
            if (stage == "being tried for its batch axis" && ++trials == 2) stop.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => trial.Run(null, stop.Token));
        Assert.Equal(2, trials);

        // A session has threads of its own as long as it is open.
        Assert.True(CountThreads() < before + (threads / 2), "a session is still open");
    }

    [Fact]
    public void Run_AnswersVaryAndTheGraphDoesNotTell_GivesWarmLanes()
    {
        // The graph that is studied is another, so that only running shows it.
        var token = TestContext.Current.CancellationToken;
        var model = new TinyOnnx().Input("x", ElementType.Float, 2, 4)
            .Node("RandomUniformLike", "x", "r")
            .Node("Add", "x r", "y")
            .Output("y", ElementType.Float, 2, 4).ToArray();
        var innocent = new TinyOnnx().Input("x", ElementType.Float, 2, 4)
            .Node("Neg", "x", "y")
            .Output("y", ElementType.Float, 2, 4).ToArray();
        var tried = TrialOf(model, new(), innocent, token).Run(null, token);
        Assert.False(tried.Executor.Signature.AnswersAreRepeatable);
        Assert.NotNull(tried.Executor.SampleRequest);
        Assert.True(tried.Executor.IdleBytes > 0, "no lane is warm");
        tried.Opened.Session.Retire();
    }

    private static ModelTrial TrialOf(
        byte[] model, OnnxModelOptions options, byte[]? studied, CancellationToken cancellationToken, Action<string>? stage = null)
    {
        var context = new ModelLoadContext { RunGate = new(1) };
        return new(
            new(new(model, "tiny"), options, context, NullLogger.Instance), new GraphStudy(studied ?? model, cancellationToken),
            OnnxInspector.Inspect(model), new("m", "1", "d"), options, context, stage ?? (static _ => { }));
    }

    private static int CountThreads()
    {
        using var process = Process.GetCurrentProcess();
        return process.Threads.Count;
    }
}

[Collection(Alone.Name)]
public sealed class LoadLeavesNothingTests
{
    [Fact]
    public void Load_ManyModels_LeavesNoPredictionToTheCollector()
    {
        const int loads = 24;
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = PredictionState.Abandoned;
        for (var i = 0; i < loads; i++)
            TinyModels.Affine().Load().Dispose();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(before, PredictionState.Abandoned);
    }
}
