using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Runtime;

/// <summary>
/// One run of a model as ONNX Runtime's own profile tells of it. It has each operator that ran, as often as it ran, with the shapes that it
/// had.
/// </summary>
internal static class OperatorProfile
{
    // ONNX Runtime keeps no more events than these (core/common/profiler.h), and drops the rest.
    private const int MaxEvents = 1_000_000;
    private const string Kernel = "_kernel_time";

    /// <summary>
    /// Runs a model once. Null if it cannot be opened, run or profiled, or if it ran more operators than a profile holds.
    /// </summary>
    public static IReadOnlyList<OperatorRun>? Of(ModelProto model, EncodedSample sample, int threads)
    {
        DirectoryInfo? folder = null;
        try
        {
            folder = Directory.CreateTempSubdirectory("mlserve-");
            return Read(Profile(model, sample, threads, Path.Combine(folder.FullName, "run")));
        }
        catch (Exception exception) when (exception is QuantizationException or OnnxRuntimeException or JsonException or IOException
            or UnauthorizedAccessException)
        {
            return null;
        }
        finally
        {
            TemporaryFolders.TryDelete(folder);
        }
    }

    private static string Profile(ModelProto model, EncodedSample sample, int threads, string prefix)
    {
        using var session = GraphSession.Open(
            OnnxFile.ToBytes(WithoutNames(model)), GraphOptimizationLevel.ORT_ENABLE_BASIC, threads: threads, what: "The source",
            profilePrefix: prefix);
        session.Run(sample, session.OutputNames).Dispose();
        return session.Session.EndProfiling();
    }

    /// <summary>Names of nodes are written into the profile as they are, quotation marks and all. The clone shares the weights.</summary>
    private static ModelProto WithoutNames(ModelProto model)
    {
        var clone = model.Clone();
        foreach (var node in Graphs.Of(clone)
            .SelectMany(static graph => graph.Node)
            .Concat(clone.Functions.SelectMany(static function => function.Node)))
            node.Name = "";
        return clone;
    }

    private static List<OperatorRun>? Read(string path)
    {
        List<OperatorRun> runs = [];
        var events = 0;
        foreach (var line in File.ReadLines(path))
        {
            var text = line.AsSpan().Trim("[], \t");
            if (text.Length == 0) continue;
            if (++events >= MaxEvents) return null;
            var one = JsonSerializer.Deserialize(text, ProfileJson.Default.ProfileEvent);
            if (one is not { Category: "Node", Details: { Operator: { } type, Inputs: { } inputs, Outputs: { } outputs } }) continue;
            if (one.Name?.EndsWith(Kernel, StringComparison.Ordinal) == true) runs.Add(new(type, Shapes(inputs), Shapes(outputs)));
        }

        return runs;
    }

    private static TypedShape[] Shapes(IReadOnlyList<Dictionary<string, long[]>> shapes) =>
        [.. shapes.Select(static shape => shape.Count == 1 ? new TypedShape(shape.First().Key, shape.First().Value) : new("", []))];
}
