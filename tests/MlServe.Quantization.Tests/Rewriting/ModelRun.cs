using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Rewriting;

/// <summary>Runs models on made-up inputs and compares what comes out.</summary>
internal static class ModelRun
{
    /// <summary>The float outputs of a model for seeded random inputs; null where it refuses them.</summary>
    public static float[][]? Floats(byte[] model, int seed = 1, long openSize = 2)
    {
        using var session = GraphSession.Open(model);
        var random = new Random(seed);
        var inputs = new List<NamedOnnxValue>();
        foreach (var (name, meta) in session.Session.InputMetadata)
        {
            if (!meta.IsTensor) return null;
            int[] shape = [.. meta.Dimensions.Select(size => size < 0 ? (int)openSize : size)];
            if (Make(name, meta.ElementType, shape, random) is not { } value) return null;
            inputs.Add(value);
        }

        try
        {
            using var results = session.Session.Run(inputs);
            return [.. results.Where(static result => result.Value is DenseTensor<float>)
                .Select(static result => ((DenseTensor<float>)result.Value).ToArray())];
        }
        catch (OnnxRuntimeException)
        {
            return null;
        }
    }

    /// <summary>The outputs of a model of one float input.</summary>
    public static float[] One(byte[] model, float[] input, params int[] shape)
    {
        using var session = GraphSession.Open(model);
        using var results = session.Session.Run([NamedOnnxValue.CreateFromTensor(
            session.InputNames[0], new DenseTensor<float>(input, shape))]);
        return results[0].AsEnumerable<float>().ToArray();
    }

    /// <summary>Signal to noise in decibels, over all outputs.</summary>
    public static double Snr(IEnumerable<float[]> expected, IEnumerable<float[]> actual)
    {
        double signal = 0, noise = 0;
        foreach (var (left, right) in expected.Zip(actual))
        {
            if (left.Length != right.Length) return double.NegativeInfinity;
            for (var i = 0; i < left.Length; i++)
            {
                if (!float.IsFinite(left[i])) continue;
                signal += (double)left[i] * left[i];
                noise += ((double)left[i] - right[i]) * ((double)left[i] - right[i]);
            }
        }

        return noise == 0 ? 200 : 10 * Math.Log10(signal / noise);
    }

    public static double Snr(byte[] expected, byte[] actual, long openSize = 2) =>
        Snr(Floats(expected, openSize: openSize)!, Floats(actual, openSize: openSize)!);

    /// <summary>The operators of a model after the runtime has optimized it.</summary>
    public static List<string> Optimized(byte[] model) => Operators(Parse(Save(model, GraphOptimizationLevel.ORT_ENABLE_ALL)));

    /// <summary>The model with its constants folded.</summary>
    public static byte[] Folded(byte[] model) => Save(model, GraphOptimizationLevel.ORT_ENABLE_BASIC);

    public static List<string> Operators(ModelProto model) =>
        [.. Graphs.Of(model).SelectMany(static graph => graph.Node).Select(static node => node.OpType)];

    public static ModelProto Parse(byte[] model) => ModelProto.Parser.ParseFrom(model);

    public static QuantizationPlan Plan(QuantizationMethod method, CpuTarget target = CpuTarget.X86Vnni) =>
        new() { SourceDigest = "", Method = method, Target = target };

    private static byte[] Save(byte[] model, GraphOptimizationLevel level)
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.onnx");
        try
        {
            GraphSession.Open(model, level, path).Dispose();
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static NamedOnnxValue? Make(string name, Type type, int[] shape, Random random)
    {
        var count = shape.Aggregate(1, static (total, size) => total * size);
        if (type == typeof(float))
            return NamedOnnxValue.CreateFromTensor(
                name, new DenseTensor<float>(Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1).ToArray(), shape));
        if (type == typeof(long))
            return NamedOnnxValue.CreateFromTensor(
                name, new DenseTensor<long>(Enumerable.Range(0, count).Select(_ => random.NextInt64(2)).ToArray(), shape));
        if (type == typeof(int))
            return NamedOnnxValue.CreateFromTensor(
                name, new DenseTensor<int>(Enumerable.Range(0, count).Select(_ => random.Next(2)).ToArray(), shape));
        if (type == typeof(bool)) return NamedOnnxValue.CreateFromTensor(name, new DenseTensor<bool>(new bool[count], shape));
        return null;
    }
}
