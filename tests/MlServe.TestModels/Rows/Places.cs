namespace MlServe.TestModels;

/// <summary>Puts a part of a model where it is not seen at first sight: into a branch, a loop's body, a function.</summary>
internal static class Places
{
    public static readonly string[] All = ["main", "main", "branch", "function", "loop", "function in a branch", "branch in a function"];

    /// <param name="sketch">Where the part goes.</param>
    /// <param name="place">One of <see cref="All"/>.</param>
    /// <param name="value">What the part computes with; it gives back a value of the same type and shape.</param>
    /// <param name="flag">A condition that holds, where a branch is taken by one; null: a constant.</param>
    /// <param name="part">The part.</param>
    public static string Put(Sketch sketch, string place, string value, string? flag, Func<Sketch, string, string> part) => place switch
    {
        "branch" => Branch(sketch, value, flag, part),
        "function" => Function(sketch, value, part),
        "loop" => Loop(sketch, value, part),
        "function in a branch" => Branch(sketch, value, flag, (inner, x) => Function(inner, x, part)),
        "branch in a function" => Function(sketch, value, (inner, x) => Branch(inner, x, null, part)),
        _ => part(sketch, value),
    };

    private static string Branch(Sketch sketch, string value, string? flag, Func<Sketch, string, string> part)
    {
        var condition = flag ?? sketch.Node("Greater", [sketch.Scalar(1f), sketch.Scalar(0f)]);
        var (yes, no) = (new OnnxModel(), new OnnxModel());
        var result = part(sketch.InSubgraph(yes), value);
        var (left, right) = (sketch.Name(), sketch.Name());
        yes.Node("Identity", [result], [left]).OutputOfAnyShape(left, OnnxModel.Float);
        no.Node("Identity", [value], [right]).OutputOfAnyShape(right, OnnxModel.Float);
        return sketch.Node("If", [condition], ("then_branch", yes), ("else_branch", no));
    }

    private static string Function(Sketch sketch, string value, Func<Sketch, string, string> part)
    {
        var name = $"f{sketch.Name()}";
        var function = new OnnxFunction("own", name, ["x"], ["y"], ["gain"], sketch.Opset).Opset("own", 1)
            .Opset("ai.onnx.ml", 3)
            .Opset("com.microsoft", 1);
        var inner = sketch.InFunction(function);
        var scaled = sketch.Name();
        function.Node("Constant", [], [scaled], ("value_float", new OnnxReference("gain", 1)));
        var result = part(inner, inner.Node("Mul", ["x", scaled]));
        function.Node("Identity", [result], ["y"]);
        sketch.Root.Function(function);
        return sketch.NodeIn("own", name, [value], ("gain", 1f));
    }

    private static string Loop(Sketch sketch, string value, Func<Sketch, string, string> part)
    {
        var body = new OnnxModel();
        var (turn, going, state, goes, result) = (sketch.Name(), sketch.Name(), sketch.Name(), sketch.Name(), sketch.Name());
        body.Input(turn, OnnxModel.Int64).Input(going, OnnxModel.Bool).InputOfAnyShape(state, OnnxModel.Float);
        var made = part(sketch.InSubgraph(body), state);
        body.Node("Identity", [going], [goes])
            .Node("Identity", [made], [result])
            .Output(goes, OnnxModel.Bool)
            .OutputOfAnyShape(result, OnnxModel.Float);
        return sketch.Node("Loop", [sketch.Scalar((long)sketch.Random.Next(1, 3)), "", value], ("body", body));
    }
}
