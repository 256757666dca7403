using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Probing;

/// <summary>Tries models as a load does, without what their graphs tell of their rows: a measurement must stand by itself.</summary>
internal static class Probe
{
    public static BatchAxisFinding Find(
        TinyOnnx model, OnnxModelOptions? options = null, bool readsFacts = true, TrialBudget? budget = null)
    {
        options ??= new();
        var bytes = model.ToArray();
        using var sessionOptions = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        var session = new OnnxSession([new(bytes, sessionOptions)], runsOnCpu: true);
        try
        {
            var declared = SignatureReader.Read(session.Session, OnnxInspector.Inspect(bytes));
            var token = TestContext.Current.CancellationToken;
            var runs = new TrialRuns(new(1), TimeProvider.System, isCheck: false, token);
            return new BatchAxisProbe(
                declared, options, candidate => new TrialLanes(session, candidate, new("m"), options, runs),
                budget ?? new(TimeProvider.System, token), static _ => null,
                readsFacts ? GraphFacts.Find(OnnxGraph.Read(bytes)) : GraphFacts.None, null).Find();
        }
        finally
        {
            session.Retire();
        }
    }
}
