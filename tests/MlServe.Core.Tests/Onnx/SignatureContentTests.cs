using MlServe.Onnx.Inspection;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>A signature says what is inside of what is no tensor, what may be left out, and what the author says.</summary>
public sealed class SignatureContentTests
{
    [Fact]
    public void Load_SequencesAndMaps_SayWhatIsInside()
    {
        using var model = Ask.Load(ModelSource.FromBytes(new WireWriter().Int(1, 8)
            .Message(8, Models.Opset("", 17))
            .Message(8, Models.Opset("ai.onnx.ml", 3))
            .Message(7, graph => graph
            .Message(11, Models.Value("x", Models.TensorType(1, ["N", 2])))
            .Message(11, Models.Value("m", static type => type.Message(5, static map => map.Int(1, 8).Message(2, Models.TensorType(1)))))
            .Message(
                11, Models.Value("s", static type => type.Message(4, static sequence => sequence.Message(1, Models.TensorType(7, [3])))))
            .Message(1, static node => node.Text(1, "x").Text(2, "z").Text(4, "ZipMap").Text(7, "ai.onnx.ml")
                .Message(5, TinyOnnx.Ints("classlabels_int64s", 4, 7)))
            .Message(1, static node => node.Text(1, "m").Text(2, "v").Text(4, "DictVectorizer").Text(7, "ai.onnx.ml")
                .Message(5, static attribute => attribute.Text(1, "string_vocabulary").Text(9, "a").Text(9, "b").Int(20, 8)))
            .Message(1, static node => node.Text(1, "s").Text(2, "c").Text(4, "ConcatFromSequence").Message(5, TinyOnnx.Int("axis", 0)))
            .Message(12, Models.Value("z", static type => type.Message(4, static sequence => sequence.Message(1,
                static element => element.Message(5, static map => map.Int(1, 7).Message(2, Models.TensorType(1)))))))
            .Message(12, Models.Value("v", Models.TensorType(1, [1, 2])))
            .Message(12, Models.Value("c", Models.TensorType(7, [null])))).ToArray()));
        var signature = model.Signature;
        Assert.Equal("x: float[N,2]; m: map(string,float[]); s: sequence(int64[3])", string.Join("; ", signature.Inputs));
        Assert.Equal("z: sequence(map(int64,float[])); v: float[1,2]; c: int64[?]", string.Join("; ", signature.Outputs));
        var map = signature.Outputs[0].Content!;
        Assert.Equal(
            (ValueKind.Map, ElementType.Int64, ValueKind.Tensor, ElementType.Float, ""),
            (map.Kind, map.KeyType, map.Content!.Kind, map.Content.ElementType, map.Content.Name));
        Assert.Null(signature.Inputs[0].Content);
        Assert.Equal([3L], signature.Inputs[2].Content!.Shape.Select(static size => size.Size!.Value));
        Assert.Equal(ElementType.None, signature.Inputs[2].ElementType);

        // What the signature says is what an answer holds.
        using var answer = Ask.The(model, PredictionInputs.Rows(
            PredictionInput.Tensor("x", new[] { 0.1f, 0.9f }, [1, 2]),
            PredictionInput.MapOf("m", new Dictionary<string, float> { ["b"] = 5 }),
            PredictionInput.SequenceOf("s", PredictionInput.Tensor("", new long[] { 1, 2, 3 }, [3])))).EnsureOk();
        Assert.Equal(map.KeyType, answer["z"][0].Keys.ElementType);
        Assert.Equal(map.Content.ElementType, answer["z"][0].Values.ElementType);
        Assert.Equal([4L, 7], answer["z"][0].Keys.AsSpan<long>().ToArray());
    }

    [Fact]
    public void Load_OptionalInput_SaysThatItMayBeLeftOutAndWhatItHolds()
    {
        using var model = Ask.Load(ModelSource.FromBytes(new WireWriter().Int(1, 8)
            .Message(8, Models.Opset("", 18))
            .Message(7, static graph => graph
            .Message(11, Models.Value("x", Models.TensorType(1, ["N", 2])))
            .Message(
                11, Models.Value("o", static type => type.Message(9, static optional => optional.Message(1, Models.TensorType(1, [2])))))
            .Message(1, static node => node.Text(1, "x").Text(2, "y").Text(4, "Neg"))
            .Message(1, static node => node.Text(1, "o").Text(2, "h").Text(4, "OptionalHasElement"))
            .Message(12, Models.Value("y", Models.TensorType(1, ["N", 2])))
            .Message(12, Models.Value("h", Models.TensorType(9)))).ToArray()));
        var input = model.Signature.Inputs[1];
        Assert.Equal(("o: optional(float[2])?", true, ValueKind.Optional), (input.ToString(), input.IsOptional, input.Kind));
        Assert.False(model.Signature.Inputs[0].IsOptional);
        using var given = Ask.The(
            model,
            PredictionInputs.Rows(PredictionInput.Tensor("x", new float[2], [1, 2]), PredictionInput.Tensor("o", new float[2], [2])));
        Assert.True(given.EnsureOk()["h"].ToScalar<bool>());
    }

    [Fact]
    public void Load_WhatTheAuthorSays_IsInTheSignature()
    {
        using var model = Ask.Load(ModelSource.FromBytes(Described(
            [("labels", """["zero", "one"]"""), ("task", "digits"),
                ("vocabulary", new string('v', MetadataReader.MaxPropertyLength + 1))])));
        var metadata = model.Signature.Metadata;
        Assert.Equal(("made", "2.1", "org.example", 12L, "Reads digits."), (
            metadata.ProducerName, metadata.ProducerVersion, metadata.Domain, metadata.Version, metadata.Description));
        Assert.Equal(["zero", "one"], metadata.Labels);
        Assert.Equal("labels,task", string.Join(',', metadata.Properties.Keys));
        Assert.Equal("pixels, 0 to 1", model.Signature.Inputs[0].Description);
        Assert.Null(model.Signature.Outputs[0].Description);

        // Whatever is found out of the rows afterwards.
        Assert.Same(metadata, model.Signature.WithoutRepeatableAnswers("why").Metadata);
        Assert.Same(metadata, model.Signature.With(model.Signature.Inputs, model.Signature.Outputs).Metadata);
        Assert.True(model.Signature.IsBatchable);

        using var silent = TinyModels.Affine().Load();
        Assert.Equal(
            (null, 0, 0),
            (silent.Signature.Metadata.Description, silent.Signature.Metadata.Labels.Count, silent.Signature.Metadata.Properties.Count));
    }

    [Fact]
    public void Load_MetadataWithoutEnd_IsKeptWithinBounds()
    {
        var entries = Enumerable.Range(0, 40)
            .Select(static i => ($"k{i:00}", new string('v', 60_000)))
            .Prepend(("small", "kept")).ToArray();
        using var model = Ask.Load(ModelSource.FromBytes(Described(entries)));
        var properties = model.Signature.Metadata.Properties;
        Assert.Equal("kept", properties["small"]);
        Assert.InRange(properties.Sum(static pair => pair.Key.Length + pair.Value.Length), 900_000, MetadataReader.MaxLength);

        var info = OnnxInspector.Inspect(Described([], string.Concat(Enumerable.Repeat("ä", 10_000)), [0xFF, 0xFE]));
        Assert.Equal(new string('ä', 2048), info.Description);
        Assert.Equal(2, info.Inputs[0].Description!.Length);

        // Descriptions are no reason to refuse a model for which there is room else.
        Assert.Equal(
            "Of the graph.", OnnxInspector.Inspect(Described([], new string('d', 4000)), new() { MaxTextBytes = 200 }).Description);
    }

    [Theory]
    [InlineData("""["a", "b"]""", "a|b")]
    [InlineData("['it\\'s', \"b\"]", "it's|b")]
    [InlineData("{0: 'person', 1: \"bicycle\"}", "person|bicycle")]
    [InlineData("""{"1": "b", "0": "\u00e4\n"}""", "ä\n|b")]
    [InlineData("a, b ,c", "a|b|c")]
    [InlineData("a b\nc, d", "a b|c, d")]
    [InlineData("one", "one")]
    [InlineData("['a', ]", "a")]
    [InlineData("{0: 'a', 2: 'b'}", "")]
    [InlineData("{0: 'a', 0: 'b'}", "")]
    [InlineData("{'a': 0}", "")]
    [InlineData("['a' 'b']", "")]
    [InlineData("[1, 2]", "")]
    [InlineData("['a', ['b']]", "")]
    [InlineData("['a", "")]
    [InlineData("['a]", "")]
    [InlineData("{0: 'a'", "")]
    [InlineData("{-1: 'a'}", "")]
    [InlineData("{99999999999: 'a'}", "")]
    [InlineData("['\\u12']", "")]
    [InlineData("[", "")]
    [InlineData("[]", "")]
    [InlineData("{}", "")]
    [InlineData("a,,b", "")]
    [InlineData("  ", "")]
    public void Parse_LabelsOfEachForm_AreNamesOrNothing(string text, string expected) =>
        Assert.Equal(expected, string.Join('|', LabelList.Parse(text)));

    [Fact]
    public void Parse_TextWithoutEnd_IsNothing()
    {
        Assert.Empty(LabelList.Parse(new string('a', LabelList.MaxLength + 1)));
        Assert.Empty(LabelList.Parse(string.Join(',', Enumerable.Repeat("a", LabelList.MaxLabels + 1))));
        Assert.Empty(LabelList.Parse($"[{string.Join(',', Enumerable.Repeat("'a'", LabelList.MaxLabels + 1))}]"));
        Assert.Equal(LabelList.MaxLabels, LabelList.Parse(string.Join(',', Enumerable.Repeat("a", LabelList.MaxLabels))).Count);
    }

    private static byte[] Described((string Key, string Value)[] metadata, string description = "Reads digits.", byte[]? input = null)
    {
        var model = new WireWriter().Int(1, 8)
            .Text(2, "made")
            .Text(3, "2.1")
            .Text(4, "org.example")
            .Int(5, 12)
            .Text(6, description)
            .Message(8, Models.Opset("", 17));
        model.Message(7, graph => graph.Text(2, "g").Text(10, "Of the graph.")
            .Message(
                11, value => value.Text(1, "x").Message(2, Models.TensorType(1, ["N", 4])).Bytes(3, input ?? "pixels, 0 to 1"u8.ToArray()))
            .Message(1, static node => node.Text(1, "x").Text(2, "y").Text(4, "Neg"))
            .Message(12, Models.Value("y", Models.TensorType(1, ["N", 4]))));
        foreach (var (key, value) in metadata)
            model.Message(14, Models.Entry(key, value));
        return model;
    }
}
