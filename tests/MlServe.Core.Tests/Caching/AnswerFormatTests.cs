using System.IO.Hashing;
using CsCheck;
using MlServe.Caching;
using MlServe.Tensors;

namespace MlServe.Tests.Caching;

public sealed class AnswerFormatTests
{
    private const string Key = "mlserve:1:key";
    private static readonly DateTimeOffset Created = new(2026, 8, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly ModelSignature Signature = new([],
    [
        new() { Name = "y", Kind = ValueKind.Tensor, ElementType = ElementType.Float },
        new() { Name = "labels", Kind = ValueKind.Tensor, ElementType = ElementType.String },
        new() { Name = "maps", Kind = ValueKind.Sequence },
    ]);

    [Fact]
    public void TryRead_WhatWriteMade_IsEqual()
    {
        Assert.True(AnswerFormat.TryRead(Sample(), Key, Signature.AllOutputs, out var outputs, out var created));

        Assert.Equal(Created, created);
        Assert.Equal([1, 3], outputs[0].Shape.ToArray());
        Assert.Equal([1f, float.NaN, 3f], outputs[0].Span<float>().ToArray());
        Assert.Equal(["a", "é", ""], outputs[1].Strings.ToArray());
        Assert.Equal((ValueKind.Map, 1), (outputs[2].Children[0].Kind, outputs[2].Children[0].Length));
        Assert.Equal(7, outputs[2].Children[0].Children[0].Span<long>()[0]);
    }

    [Fact]
    public void TryRead_CutShortAnywhereOrAnyBitTurned_IsAMiss()
    {
        var bytes = Sample();
        for (var length = 0; length < bytes.Length; length++)
            Assert.False(Reads(bytes.AsSpan(0, length)));
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Reads(bytes));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.True(Reads(bytes));
    }

    [Fact]
    public void TryRead_HostileContentUnderARightChecksum_IsAMissOrFitsTheSignature() =>
        Gen.Select(Gen.Int[0, 200], Gen.Byte, Gen.Int[0, 200], Gen.Int).Sample(static (at, value, numberAt, number) =>
        {
            var content = Sample()[..^16];
            content[at % content.Length] = value;
            BitConverter.TryWriteBytes(content.AsSpan(numberAt % (content.Length - 4)), number);
            if (AnswerFormat.TryRead(Sealed(content), Key, Signature.AllOutputs, out var outputs, out _))
                Assert.Equal(["y", "labels", "maps"], outputs.Select(static output => output.Name));
        }, iter: 20_000);

    [Fact]
    public void TryRead_FiledUnderAnotherKeyOrForAnotherSelectionOrModel_IsAMiss()
    {
        var one = OutputSelection.Resolve(Signature, new() { Outputs = ["y"] }, out _);
        var other = new ModelSignature([],
        [
            new() { Name = "y", Kind = ValueKind.Tensor, ElementType = ElementType.Double }, Signature.Outputs[1], Signature.Outputs[2],
        ]);

        Assert.False(AnswerFormat.TryRead(Sample(), Key + "x", Signature.AllOutputs, out _, out _));
        Assert.False(AnswerFormat.TryRead(Sample(), Key, one, out _, out _));
        Assert.False(AnswerFormat.TryRead(Sample(), Key, other.AllOutputs, out _, out _));
    }

    [Fact]
    public void TryRead_ShapeOfMoreElementsThanThereAreBytes_TakesNoMemory()
    {
        var content = Sample()[..^16];
        var shape = content.AsSpan().IndexOf(BitConverter.GetBytes(3L));
        BitConverter.TryWriteBytes(content.AsSpan(shape), 1L << 40);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(Reads(Sealed(content)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    private static bool Reads(ReadOnlySpan<byte> bytes) => AnswerFormat.TryRead(bytes, Key, Signature.AllOutputs, out _, out _);

    private static byte[] Sealed(byte[] content) => [.. content, .. XxHash128.Hash(content)];

    private static byte[] Sample()
    {
        var y = new OutputValue();
        y.SetTensor("y", ElementType.Float, [1, 3]);
        ((ReadOnlySpan<float>)[1, float.NaN, 3]).CopyTo(y.Span<float>());
        var labels = new OutputValue();
        labels.SetTensor("labels", ElementType.String, [3]);
        ((ReadOnlySpan<string>)["a", "é", ""]).CopyTo(labels.Strings);
        var maps = new OutputValue();
        maps.SetComposite("maps", ValueKind.Sequence, 1);
        var map = maps.AddChild();
        map.SetComposite("", ValueKind.Map, 1);
        var keys = map.AddChild();
        keys.SetTensor("", ElementType.Int64, [1]);
        keys.Span<long>()[0] = 7;
        map.AddChild().SetTensor("", ElementType.Float, [1]);
        return AnswerFormat.Write(Key, [y, labels, maps], Created);
    }
}
