using MlServe.TestModels;

namespace MlServe.Quantization.Rewriting;

/// <summary>Models with one thing each to quantize.</summary>
internal static class SmallModels
{
    public static float[] Random(int count, int seed = 7, float scale = 0.2f)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => ((random.NextSingle() * 2) - 1) * scale)];
    }

    public static byte[] MatMul(float[]? weights = null, int rows = 64, int columns = 32) => new OnnxModel()
        .Input("x", OnnxModel.Float, "n", rows).Output("y", OnnxModel.Float, "n", columns)
        .Initializer("w", weights ?? Random(rows * columns), rows, columns)
        .Node("MatMul", ["x", "w"], ["y"]).ToBytes();

    public static byte[] Gemm(bool turned, float alpha, float beta, int rows = 64, int columns = 32, bool transA = false) => new OnnxModel()
        .Input("x", OnnxModel.Float, transA ? [rows, "n"] : ["n", rows]).Output("y", OnnxModel.Float, "n", columns)
        .Initializer("w", Random(rows * columns), turned ? [columns, rows] : [rows, columns])
        .Initializer("b", Random(columns, 3, 2), columns)
        .Node("Gemm", ["x", "w", "b"], ["y"], ("transB", turned ? 1 : 0), ("alpha", alpha), ("beta", beta), ("transA", transA ? 1 : 0))
        .ToBytes();

    /// <summary>Two matrices that read one tensor, two that share a weight.</summary>
    public static byte[] Shared() => new OnnxModel()
        .Input("x", OnnxModel.Float, "n", 64).Output("y", OnnxModel.Float, "n", 64)
        .Initializer("w", Random(64 * 64), 64, 64).Initializer("u", Random(64 * 64, 8), 64, 64)
        .Node("MatMul", ["x", "w"], ["a"]).Node("MatMul", ["x", "u"], ["b"]).Node("Add", ["a", "b"], ["c"])
        .Node("MatMul", ["c", "w"], ["y"]).ToBytes();

    public static byte[] Lstm(
        int inputs = 32, int hidden = 48, string direction = "forward", bool states = false, long layout = 0, float? bad = null)
    {
        var directions = direction == "bidirectional" ? 2 : 1;
        var w = Random(directions * 4 * hidden * inputs);
        if (bad is { } value) w[5] = value;
        var model = new OnnxModel()
            .Input("x", OnnxModel.Float, "s", 2, inputs).Output("y", OnnxModel.Float, "s", directions, 2, hidden)
            .Initializer("w", w, directions, 4 * hidden, inputs)
            .Initializer("r", Random(directions * 4 * hidden * hidden, 8), directions, 4 * hidden, hidden)
            .Initializer("b", Random(directions * 8 * hidden, 9), directions, 8 * hidden);
        string[] input = ["x", "w", "r", "b"];
        if (states)
        {
            model.Initializer("l", OnnxModel.Int32, System.Runtime.InteropServices.MemoryMarshal.AsBytes<int>([3, 5]), 2)
                .Initializer("h", Random(directions * 2 * hidden, 10), directions, 2, hidden)
                .Initializer("c", Random(directions * 2 * hidden, 11), directions, 2, hidden)
                .Initializer("p", Random(directions * 3 * hidden, 12), directions, 3 * hidden);
            input = [.. input, "l", "h", "c", "p"];
        }

        (string, object)[] attributes = [("hidden_size", hidden), ("direction", direction)];
        return model.Node("LSTM", input, ["y"], layout == 0 ? attributes : [.. attributes, ("layout", layout)]).ToBytes();
    }

    public static byte[] Conv(int channels = 32) => new OnnxModel()
        .Input("x", OnnxModel.Float, "n", 8, 12, 12).Output("y", OnnxModel.Float, "n", channels, 10, 10)
        .Initializer("w", Random(channels * 8 * 9), channels, 8, 3, 3).Node("Conv", ["x", "w"], ["y"]).ToBytes();

    public static byte[] Embedding() => new OnnxModel()
        .Input("x", OnnxModel.Int64, "n").Output("y", OnnxModel.Float, "n", 64)
        .Initializer("t", Random(100 * 64), 100, 64).Node("Gather", ["t", "x"], ["y"]).ToBytes();
}
