using System.Numerics.Tensors;
using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe;

/// <summary>What goes in can be read by everybody who is handed it, as it was given and without an allocation.</summary>
public sealed class ReadableInputsTests
{
    public static TheoryData<ElementType> Types() => [.. Enum.GetValues<ElementType>().Where(static type => type != ElementType.None)];

    [Theory]
    [MemberData(nameof(Types))]
    public void Read_EachElementTypeInEachForm_IsWhatWasGiven(ElementType type)
    {
        switch (type)
        {
            case ElementType.Float: Check([1f, -2f, float.NaN, 4f]); break;
            case ElementType.Double: Check([1d, -2d, double.NaN, 4d]); break;
            case ElementType.Float16: Check([(Half)1, (Half)2, Half.NaN, (Half)4]); break;
            case ElementType.BFloat16: Check([(BFloat16)1f, (BFloat16)2f, (BFloat16)3f, (BFloat16)4f]); break;
            case ElementType.UInt8: Check<byte>([1, 2, 3, 255]); break;
            case ElementType.Int8: Check<sbyte>([1, -2, 3, -128]); break;
            case ElementType.UInt16: Check<ushort>([1, 2, 3, 65535]); break;
            case ElementType.Int16: Check<short>([1, -2, 3, -32768]); break;
            case ElementType.UInt32: Check<uint>([1, 2, 3, uint.MaxValue]); break;
            case ElementType.Int32: Check([1, -2, 3, int.MinValue]); break;
            case ElementType.UInt64: Check<ulong>([1, 2, 3, ulong.MaxValue]); break;
            case ElementType.Int64: Check([1L, -2, 3, long.MinValue]); break;
            case ElementType.Bool: Check([true, false, true, true]); break;
            case ElementType.String: Check(["a", "", "ä𝄞", "d"]); break;
            default: Assert.Fail($"{type} is not tried."); break;
        }

        void Check<T>(T[] values)
        {
            using var manager = new OwnedMemory<T>([values[3], .. values, values[0]]);
            T[] padded = [values[1], .. values, values[2]];
            Same(PredictionInput.Tensor("x", values, [2, 2]), "x", [2, 2]);
            Same(PredictionInput.Tensor("x", values), "x", null);
            Same(PredictionInput.Tensor<T>("x", padded.AsMemory(1, 4)), "x", null);
            Same(PredictionInput.Tensor<T>("x", manager.Memory[1..5], [4]), "x", [4]);
            Same(PredictionInput.Tensor("x", Tensor.Create(values, [4, 1])), "x", [4, 1]);
            Same(
                PredictionInput.Tensor(
                    "x", Tensor.Create([values[0], values[1], default!, values[2], values[3], default!], [2, 3]).Slice([0..2, 0..2])), "x",
                [2, 2]);
            Same(PredictionInputs.Row(values)[0], null, null);
            Same(PredictionInputs.Rows<T>(padded.AsMemory(1, 4), 2)[0], null, null);
            using var owned = PredictionInputs.Rows(PredictionInput.Tensor("x", values, [2, 2])).Copy();
            Same(owned.Inputs["x"], "x", [2, 2]);
            Assert.Equal(values[1], PredictionInput.Scalar("x", values[1]).ToScalar<T>());

            void Same(PredictionInput input, string? name, long[]? shape)
            {
                Assert.Equal(
                    (name, ValueKind.Tensor, type, 4L, false), (input.Name, input.Kind, input.ElementType, input.Length, input.IsAbsent));
                Assert.Equal(shape is not null, input.HasShape);
                Assert.Equal(shape ?? [], input.Shape.ToArray());
                Assert.Equal(values, input.AsSpan<T>().ToArray());
                Assert.Equal(values, input.ToArray<T>());
                Assert.Equal(type != ElementType.String, input.TryGetBytes(out var bytes));
                if (type != ElementType.String) Assert.Equal(BytesOf(values), bytes.ToArray());
            }
        }
    }

    [Fact]
    public void Read_SequenceAndMapAndAbsent_ShowTheirParts()
    {
        var sequence = PredictionInput.SequenceOf(
            "s", PredictionInput.Tensor("", new[] { 1f }, [1]), PredictionInput.Tensor("", new[] { 2f, 3f }, [2]));
        Assert.Equal(
            (ValueKind.Sequence, ElementType.None, 2L, false), (sequence.Kind, sequence.ElementType, sequence.Length, sequence.HasShape));
        Assert.Equal([2f, 3f], sequence[1].AsSpan<float>().ToArray());

        var map = PredictionInput.MapOf("m", new Dictionary<long, string> { [7] = "seven", [-1] = "less" });
        Assert.Equal((ValueKind.Map, ElementType.None, 2L), (map.Kind, map.ElementType, map.Length));
        Assert.Equal([7L, -1], map.Keys.AsSpan<long>().ToArray());
        Assert.Equal(["seven", "less"], map.Values.AsSpan<string>().ToArray());
        Assert.Equal("less", map.ToDictionary<long, string>()[-1]);

        var maps = PredictionInput.SequenceOf("ms", map, map);
        Assert.Equal(7, maps[1].Keys.AsSpan<long>()[0]);

        var absent = PredictionInput.Absent("o");
        Assert.Equal((ValueKind.Optional, true, 0L, ElementType.None), (absent.Kind, absent.IsAbsent, absent.Length, absent.ElementType));
    }

    [Fact]
    public void Read_WrongKindOrType_SaysWhatThereIs()
    {
        var tensor = PredictionInput.Tensor("t", new[] { 1f, 2f });
        var sequence = PredictionInput.SequenceOf("s", tensor);
        var map = PredictionInput.MapOf("m", new Dictionary<long, float> { [1] = 2 });
        var members = new (string Name, ValueKind For, Action<PredictionInput> Read)[]
        {
            ("AsSpan", ValueKind.Tensor, static input => input.AsSpan<float>()),
            ("ToArray", ValueKind.Tensor, static input => input.ToArray<float>()),
            ("ToScalar", ValueKind.Tensor, static input => input.ToScalar<float>()),
            ("indexer", ValueKind.Sequence, static input => _ = input[0]),
            ("Keys", ValueKind.Map, static input => _ = input.Keys),
            ("Values", ValueKind.Map, static input => _ = input.Values),
            ("ToDictionary", ValueKind.Map, static input => input.ToDictionary<long, float>()),
        };
        foreach (var input in (PredictionInput[])[tensor, sequence, map, PredictionInput.Absent("o")])
        {
            foreach (var (name, kind, read) in members)
            {
                if (kind == input.Kind) continue;
                var exception = Assert.Throws<InvalidOperationException>(() => read(input));
                Ask.Says(exception.Message, $"'{input.Name}'", $"kind {input.Kind}", $"is for {kind}");
                Assert.False(input.Kind != ValueKind.Tensor && input.TryGetBytes(out _), name);
            }
        }

        Ask.Says(
            Assert.Throws<InvalidOperationException>(() => tensor.AsSpan<double>()).Message, "'t' holds float", "as float, not as Double");
        Ask.Says(Assert.Throws<InvalidOperationException>(() => tensor.AsSpan<DateTime>()).Message, "not as DateTime");
        Ask.Says(Assert.Throws<InvalidOperationException>(() => tensor.ToScalar<float>()).Message, "2 elements, not one");
        Assert.Throws<InvalidOperationException>(() => map.ToDictionary<string, float>());
        Assert.Throws<ArgumentOutOfRangeException>(() => sequence[1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => sequence[-1]);
    }

    [Fact]
    public void Read_DefaultStructs_HoldNothingAndSaySo()
    {
        var input = default(PredictionInput);
        Assert.Equal(
            (null, ElementType.None, 0L, false, false), (input.Name, input.ElementType, input.Length, input.HasShape, input.IsAbsent));
        Assert.Equal(0, input.Shape.Length);
        Assert.False(input.TryGetBytes(out _));
        Ask.Says(Assert.Throws<InvalidOperationException>(() => input.AsSpan<float>()).Message, "default(PredictionInput)");
        Ask.Says(Assert.Throws<InvalidOperationException>(() => input.AsSpan<DateTime>()).Message, "default(PredictionInput)");

        var inputs = default(PredictionInputs);
        Assert.Throws<ArgumentOutOfRangeException>(() => inputs[0]);
        Assert.False(inputs.TryGet(null, out _));
        foreach (var unexpected in inputs)
            Assert.Fail($"{unexpected.Name} is there.");
        using var copy = inputs.Copy();
        Assert.Equal((0, 0L), (copy.Inputs.Count, copy.Bytes));
        using var owned = PredictionInputs.Row(input).Copy();
        Assert.Equal(ElementType.None, owned.Inputs[0].ElementType);
    }

    [Fact]
    public void Find_ByNameAndIndex_IsWhatTheModelWouldTake()
    {
        var signature = new ModelSignature(
            [Input("image", 0, Dimension.Free("N"), Dimension.Fixed(3)), Input("scale", null) with { IsOptional = true }],
            [Input("y", 0, Dimension.Free("N"))]);
        var named = PredictionInputs.Rows(
            PredictionInput.Tensor("scale", new float[1], []), PredictionInput.Tensor("image", new float[6], [2, 3]));
        Assert.Equal("image", named[1].Name);
        Assert.Equal(6, named["image"].Length);
        Assert.True(named.TryGet("scale", out var scale) && scale.Length == 1);
        Assert.False(named.TryGet(null, out _));
        Assert.False(named.TryGet("Image", out var none));
        Assert.Equal(ElementType.None, none.ElementType);
        Assert.True(named.TryGet(signature, "image", out var image) && image.Length == 6);
        Ask.Says(Assert.Throws<KeyNotFoundException>(() => named["pixels"]).Message, "'pixels'", "'scale', 'image'");
        Assert.Throws<ArgumentOutOfRangeException>(() => named[2]);
        Assert.Throws<ArgumentOutOfRangeException>(() => named[-1]);
        Assert.Equal(["scale", "image"], Names(named));

        // A value without a name is the only required input's, and no other's.
        var unnamed = PredictionInputs.Row(new float[3]);
        Assert.True(unnamed.TryGet(null, out _));
        Assert.False(unnamed.TryGet("image", out _));
        Assert.True(unnamed.TryGet(signature, "image", out image) && image.Length == 3);
        Assert.False(unnamed.TryGet(signature, "scale", out _));
        Assert.False(unnamed.TryGet(signature, "pixels", out _));
        Assert.Throws<KeyNotFoundException>(() => unnamed["image"]);

        Assert.Equal(2, named.RowsOf(signature));
        Assert.Equal(1, unnamed.RowsOf(signature));
        Assert.Equal(5, PredictionInputs.Rows(new float[15], 5).RowsOf(signature));
        Assert.Equal(4, PredictionInputs.Rows(PredictionInput.Tensor("image", new float[12])).RowsOf(signature));
        Assert.Null(PredictionInputs.Rows(PredictionInput.Tensor("image", new float[7])).RowsOf(signature));
        Assert.Null(PredictionInputs.Rows(PredictionInput.Tensor("scale", new float[7])).RowsOf(signature));
        Assert.Equal(1, named.RowsOf(new ModelSignature([Input("image", null, Dimension.Fixed(3))], [Input("y", null)])));
    }

    [Fact]
    public void Rows_OfEachForm_AreWhatTheModelRan()
    {
        using var predictor = TinyModels.Affine().Load();
        foreach (var inputs in (PredictionInputs[])[
            PredictionInputs.Row(new float[4]), PredictionInputs.Rows(new float[12], 3),
            PredictionInputs.Rows(Tensor.Create(new float[8], [2, 4])),
            PredictionInputs.Rows(PredictionInput.Tensor("x", new float[16]))])
        {
            using var prediction = Ask.The(predictor, inputs).EnsureOk();
            Assert.Equal(inputs.RowsOf(predictor.Signature), prediction["y"].Shape.Length == 1 ? 1 : (int)prediction["y"].Shape[0]);
        }
    }

    [Fact]
    public void Read_EverythingOfARequest_AllocatesNothing()
    {
        var signature = new ModelSignature(
            [Input("a", 0, Dimension.Free("N"), Dimension.Fixed(2)), Input("b", null)], [Input("y", 0, Dimension.Free("N"))]);
        using var manager = new OwnedMemory<float>([1, 2, 3, 4]);
        var inputs = PredictionInputs.Rows(
            PredictionInput.Tensor("a", new[] { 1f, 2f, 3f, 4f }, [2, 2]),
            PredictionInput.Tensor("b", Tensor.Create(new[] { 1d, 2d }, [2])),
            PredictionInput.Tensor("c", new[] { "x", "y" }),
            PredictionInput.Tensor<float>("d", manager.Memory[1..]),
            PredictionInput.SequenceOf("s", PredictionInput.Tensor("", new[] { 1L }, [1]), PredictionInput.Tensor("", new[] { 2L }, [1])),
            PredictionInput.MapOf("m", new Dictionary<long, float> { [1] = 2, [3] = 4 }),
            PredictionInput.Absent("o"));
        using var copy = inputs.Copy();
        foreach (var request in (PredictionInputs[])[inputs, copy.Inputs])
        {
            var sum = ReadAll(request, signature);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
                Assert.True(sum == ReadAll(request, signature));
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    private static double ReadAll(PredictionInputs inputs, ModelSignature signature)
    {
        var sum = inputs.RowsOf(signature) ?? 0.0;
        foreach (var input in inputs)
        {
            sum += input.Length + input.Shape.Length + (input.Name?.Length ?? 0);
            switch (input.Kind)
            {
                case ValueKind.Sequence:
                    for (var i = 0; i < input.Length; i++)
                        sum += input[i].AsSpan<long>()[0];
                    break;
                case ValueKind.Map:
                    sum += input.Keys.AsSpan<long>()[1] + input.Values.AsSpan<float>()[1];
                    break;
                case ValueKind.Tensor when input.ElementType == ElementType.Float:
                    sum += input.AsSpan<float>()[2];
                    break;
                case ValueKind.Tensor when input.ElementType == ElementType.Double:
                    sum += input.AsSpan<double>()[1] + (input.TryGetBytes(out var bytes) ? bytes[0] : 0);
                    break;
                case ValueKind.Tensor:
                    sum += input.AsSpan<string>()[1].Length;
                    break;
            }
        }

        return sum + (inputs.TryGet("b", out var found) ? found.Length : 0) + (inputs.TryGet(signature, "a", out found) ? found.Length : 0)
            + inputs["c"].Length;
    }

    private static List<string?> Names(PredictionInputs inputs)
    {
        var names = new List<string?>();
        foreach (var input in inputs)
            names.Add(input.Name);
        return names;
    }

    private static ValueSignature Input(string name, int? batchAxis, params Dimension[] shape) =>
        new() { Name = name, Kind = ValueKind.Tensor, ElementType = ElementType.Float, Shape = shape, BatchAxis = batchAxis };

    private static byte[] BytesOf<T>(T[] values)
    {
        var bytes = new List<byte>();
        foreach (var value in values)
        {
            bytes.AddRange(value switch
            {
                float number => BitConverter.GetBytes(number),
                double number => BitConverter.GetBytes(number),
                Half number => BitConverter.GetBytes(number),
                BFloat16 number => BitConverter.GetBytes(number.Bits),
                byte number => [number],
                sbyte number => [(byte)number],
                ushort number => BitConverter.GetBytes(number),
                short number => BitConverter.GetBytes(number),
                uint number => BitConverter.GetBytes(number),
                int number => BitConverter.GetBytes(number),
                ulong number => BitConverter.GetBytes(number),
                long number => BitConverter.GetBytes(number),
                bool flag => [flag ? (byte)1 : (byte)0],
                _ => throw new NotSupportedException(typeof(T).Name),
            });
        }

        return [.. bytes];
    }
}
