namespace MlServe.TestModels;

/// <summary>Models whose rows do not depend on each other, as exporters write them.</summary>
internal static class IndependentModels
{
    private static readonly string[] BatchNames = ["batch", "N", "batch_size", "", "unk__12"];

    public static RowModel OfVectors(Sketch s)
    {
        var width = 2 * s.Random.Next(2, 7);
        var batch = s.Pick(BatchNames);
        var inputs = new List<RowInput>();
        var x = Input(s, inputs, "x", batch, width, s.Chance(0.15));
        if (s.Chance(0.3))
        {
            var extra = s.Random.Next(1, 4);
            x = VectorBlocks.Linear(
                s, s.Node("Concat", [x, Input(s, inputs, "z", batch, extra, false)], ("axis", 1L)), width + extra, width);
        }

        if (s.Chance(0.2))
        {
            s.Root.Input("gain", OnnxModel.Float);
            inputs.Add(new("gain", null, static random => RowTensor.Of([random.NextSingle() + 0.5f])));
            x = s.Node("Mul", [x, "gain"]);
        }

        var flag = s.Chance(0.2) ? Flag(s, inputs) : null;
        for (var i = s.Random.Next(1, 5); i > 0; i--)
            x = Places.Put(s, s.Pick(Places.All), x, flag, (inner, value) => VectorBlocks.Random(inner, value, width));
        Finish(s, x, width, batch);
        return new("vectors", s.Root.ToBytes(), inputs, IsDependent: false, null);
    }

    public static RowModel OfSequences(Sketch s)
    {
        const int Width = 8;
        var (batch, tokens) = (s.Pick(BatchNames), s.Random.Next(3, 8));
        object declared = s.Chance(0.5) ? tokens : "tokens";
        var isTimeFirst = s.Chance(0.3);

        // Of two free axes, the name alone tells which is the batch.
        if (isTimeFirst && declared is string) batch = s.Pick("batch", "batch_size");
        s.Root.Input("x", OnnxModel.Float, isTimeFirst ? [declared, batch, Width] : [batch, declared, Width]);
        List<RowInput> inputs = [new(
            "x", isTimeFirst ? 1 : 0,
            random => RowTensor.Of(Values.Normal(random, tokens * Width), isTimeFirst ? [tokens, 1, Width] : [1, tokens, Width]))];
        var x = isTimeFirst ? s.Transpose("x", 1, 0, 2) : "x";
        for (var i = s.Random.Next(1, 4); i > 0; i--)
            x = Places.Put(s, s.Pick(Places.All), x, null, static (inner, value) => SequenceBlocks.Random(inner, value, Width));
        if (s.Chance(0.3)) Output(s, "all", x, batch, declared, Width);
        Finish(s, SequenceBlocks.Pool(s, x), Width, batch);
        return new("sequences", s.Root.ToBytes(), inputs, IsDependent: false, null);
    }

    public static RowModel OfTokens(Sketch s)
    {
        const int Width = 8, Words = 20;
        var (batch, tokens) = (s.Pick(BatchNames), s.Random.Next(3, 8));
        object declared = s.Chance(0.6) ? tokens : "tokens";
        s.Root.Input("ids", OnnxModel.Int64, batch, declared);
        List<RowInput> inputs = [new("ids", 0, random => RowTensor.Of(Values.Integers(random, tokens, Words), 1, tokens))];
        var x = s.Node("Gather", [s.Weights(1, Words, Width), "ids"], ("axis", 0));
        if (s.Chance(0.5))
        {
            s.Root.Input("mask", OnnxModel.Int64, batch, declared);
            inputs.Add(new("mask", 0, random => RowTensor.Of(Values.Integers(random, tokens, 2), 1, tokens)));
            x = s.Node("Mul", [x, s.Unsqueeze(s.Node("Cast", ["mask"], ("to", OnnxModel.Float)), 2)]);
        }

        for (var i = s.Random.Next(1, 3); i > 0; i--)
            x = SequenceBlocks.Random(s, x, Width);
        if (s.Chance(0.3)) x = Contrib(s, x, Width);
        Finish(s, SequenceBlocks.Pool(s, x), Width, batch);
        return new("tokens", s.Root.ToBytes(), inputs, IsDependent: false, null);
    }

    public static RowModel OfImages(Sketch s)
    {
        const int Size = 8;
        var (batch, channels) = (s.Pick(BatchNames), 2 * s.Random.Next(1, 3));
        var isLast = s.Chance(0.2);
        s.Root.Input("x", OnnxModel.Float, isLast ? [batch, Size, Size, 3] : [batch, 3, Size, Size]);
        List<RowInput> inputs =
            [new("x", 0, random => RowTensor.Of(Values.Normal(random, 3 * Size * Size), isLast ? [1, Size, Size, 3] : [1, 3, Size, Size]))];
        var x = isLast ? s.Transpose("x", 0, 3, 1, 2) : "x";
        x = ImageBlocks.Convolve(s, x, 3, channels, 1);
        for (var i = s.Random.Next(1, 4); i > 0; i--)
            x = Places.Put(s, s.Pick(Places.All), x, null, (inner, value) => ImageBlocks.Random(inner, value, channels));
        x = ImageBlocks.Convolve(s, x, channels, channels, 2);
        const int Width = 6;
        Finish(s, ImageBlocks.Flatten(s, x, channels, Size / 2, Width), Width, batch);
        return new("images", s.Root.ToBytes(), inputs, IsDependent: false, null);
    }

    /// <summary>A recurrent model that takes and gives its state, with rows along other axes than the first.</summary>
    public static RowModel OfStates(Sketch s)
    {
        const int Width = 5, Hidden = 4;
        var (batch, tokens) = (s.Pick(BatchNames), s.Random.Next(2, 6));
        s.Root.Input("x", OnnxModel.Float, tokens, batch, Width).Input("h", OnnxModel.Float, 1, batch, Hidden);
        List<RowInput> inputs =
        [
            new("x", 1, random => RowTensor.Of(Values.Normal(random, tokens * Width), tokens, 1, Width)),
            new("h", 1, static random => RowTensor.Of(Values.Normal(random, Hidden), 1, 1, Hidden)),
        ];
        var kind = s.Pick("GRU", "RNN");
        var gates = kind == "GRU" ? 3 : 1;
        var outputs = s.Nodes(
            kind,
            ["x", s.Weights(0.4f, 1, gates * Hidden, Width), s.Weights(0.4f, 1, gates * Hidden, Hidden),
                s.Weights(0.1f, 1, 2 * gates * Hidden), "", "h"], 2, ("hidden_size", Hidden));
        Output(s, "all", outputs[0], tokens, 1, batch, Hidden);
        Output(s, "next", outputs[1], 1, batch, Hidden);
        return new("states", s.Root.ToBytes(), inputs, IsDependent: false, null);
    }

    /// <summary>Gives what is left of a model's rows, in one of the ways in which models do.</summary>
    public static void Finish(Sketch s, string x, int width, string batch)
    {
        switch (s.Random.Next(5))
        {
            case 0:
                Output(s, "y", x, batch, width);
                break;
            case 1:
                Output(s, "scores", s.Node("Softmax", [VectorBlocks.Linear(s, x, width, 3)], ("axis", 1L)), batch, 3);
                break;
            case 2:
                Output(s, "y", VectorBlocks.Linear(s, x, width, 1), batch, 1);
                Output(s, "hidden", x, batch, width);
                break;
            case 3:
                Output(s, "y", s.Transpose(VectorBlocks.Linear(s, x, width, 3), 1, 0), 3, batch);
                break;
            default:
                Output(s, "y", s.Reshape(VectorBlocks.Linear(s, x, width, 4), -1, 2, 2), batch, 2, 2);
                break;
        }
    }

    public static string Flag(Sketch s, List<RowInput> inputs)
    {
        s.Root.Input("flag", OnnxModel.Bool);
        inputs.Add(new("flag", null, static random => RowTensor.Of([random.Next(4) > 0])));
        return "flag";
    }

    public static void Output(Sketch s, string name, string value, params object[] dims)
    {
        s.Root.Node("Identity", [value], [name]).Output(name, OnnxModel.Float, dims);
    }

    private static string Input(Sketch s, List<RowInput> inputs, string name, string batch, int width, bool isTurned)
    {
        s.Root.Input(name, OnnxModel.Float, isTurned ? [width, batch] : [batch, width]);
        inputs.Add(new(name, isTurned ? 1 : 0, random => RowTensor.Of(Values.Normal(random, width), isTurned ? [width, 1] : [1, width])));
        return isTurned ? s.Transpose(name, 1, 0) : name;
    }

    /// <summary>Operators of the runtime's own that its optimizer makes of a transformer.</summary>
    private static string Contrib(Sketch s, string x, int width)
    {
        const string Microsoft = "com.microsoft";
        switch (s.Random.Next(4))
        {
            case 0:
                return s.NodeIn(
                    Microsoft, "SkipLayerNormalization",
                    [x, s.Node("Neg", [x]), s.Weights(1, width), s.Weights(1, width), s.Weights(1, width)]);
            case 1:
                return s.NodeIn(
                    Microsoft, "Attention", [x, s.Weights(0.3f, width, 3 * width), s.Weights(0.1f, 3 * width)], ("num_heads", 2));
            case 2:
                return s.NodeIn(
                    Microsoft, "BiasGelu",
                    [s.NodeIn(Microsoft, "FusedMatMul", [x, s.Weights(0.3f, width, width)], ("transB", 1)), s.Weights(0.1f, width)]);
            default: return s.NodeIn(Microsoft, "MultiHeadAttention", [x, x, x], ("num_heads", 2));
        }
    }
}
