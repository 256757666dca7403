using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using MlServe.Onnx.Inspection;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Samples;

public sealed class NpyReaderTests
{
    // A file of [[1, 2, 3], [4, 5, 6]] of int16, put together by the description of version 1.0 in numpy.lib.format.
    private const string Described =
        "k05VTVBZAQB2AHsnZGVzY3InOiAnPGkyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9"
        + "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAIAAwAEAAUABgA=";

    [Fact]
    public void Read_FileAsDescribed_GivesTypeShapeAndElements()
    {
        var array = NpyReader.Read(Convert.FromBase64String(Described), "a.npy");

        Assert.Equal(OnnxElementType.Int16, array.Type);
        Assert.Equal([2, 3], array.Shape);
        Assert.Equal([1, 2, 3, 4, 5, 6], MemoryMarshal.Cast<byte, short>(array.Data.Span).ToArray());
    }

    [Theory]
    [InlineData("<f2", OnnxElementType.Float16, 2)]
    [InlineData("<f4", OnnxElementType.Float, 4)]
    [InlineData("<f8", OnnxElementType.Double, 8)]
    [InlineData("|b1", OnnxElementType.Bool, 1)]
    [InlineData("|u1", OnnxElementType.UInt8, 1)]
    [InlineData("|i1", OnnxElementType.Int8, 1)]
    [InlineData("<u2", OnnxElementType.UInt16, 2)]
    [InlineData("<i2", OnnxElementType.Int16, 2)]
    [InlineData("<u4", OnnxElementType.UInt32, 4)]
    [InlineData("<i4", OnnxElementType.Int32, 4)]
    [InlineData("<u8", OnnxElementType.UInt64, 8)]
    [InlineData("<i8", OnnxElementType.Int64, 8)]
    public void Read_EveryType_IsThatOfTheModel(string descr, OnnxElementType type, int size)
    {
        foreach (byte version in (byte[])[1, 2, 3])
        {
            var array = NpyReader.Read(
                Npy.Of($"{{'descr': '{descr}', 'fortran_order': False, 'shape': (3,), }}", new byte[3 * size], version), "a.npy");

            Assert.Equal(type, array.Type);
            Assert.Equal([3], array.Shape);
        }
    }

    [Fact]
    public void Read_Scalar_HasNoAxes() =>
        Assert.Empty(NpyReader.Read(Npy.Of("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", new byte[4]), "a.npy").Shape);

    [Theory]
    [InlineData("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8, "little-endian")]
    [InlineData("{'descr': '<U8', 'fortran_order': False, 'shape': (2,), }", 64, "'<U8'")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8, "'|O'")]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "not records")]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", 16, "Fortran")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -2), }", 16, "'-2'")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 99999999999999999999), }", 16, "no size")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 0, "more than 2 GB")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4611686018427387904), }", 4, "holds 4 bytes")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 12, "holds 12 bytes")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 20, "holds 20 bytes")]
    [InlineData(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,), }", 4,
        "33 axes")]
    [InlineData("import os", 4, "not understood")]
    public void Read_WhatItDoesNotRead_SaysWhat(string header, int bytes, string expected)
    {
        var exception = Assert.Throws<QuantizationException>(() => NpyReader.Read(Npy.Of(header, new byte[bytes]), "a.npy"));

        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.Contains("a.npy", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_HeaderLongerThanTheFile_SaysThatItWasCut()
    {
        var file = Npy.Of([1, 2], 2);
        for (var length = 0; length < file.Length; length++)
            Assert.Throws<QuantizationException>(() => NpyReader.Read(file.AsMemory(0, length), "a.npy"));
        var huge = Npy.Of("{'descr': '<f4'}", [], version: 2);
        huge.AsSpan(8, 4).Fill(0xFF);

        Assert.Contains(
            "header of 4294967295 bytes", Assert.Throws<QuantizationException>(() => NpyReader.Read(huge, "a.npy")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AnyBytes_IsReadOrRefused() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        byte[] file = [.. Convert.FromBase64String(Described)[..10], .. bytes];
        try
        {
            NpyReader.Read(file, "a.npy");
        }
        catch (QuantizationException exception)
        {
            Assert.DoesNotContain('\n', exception.Message);
        }
    }, iter: 2000);

    [Fact]
    public void Read_HeaderWithControlCharacters_ShowsNone()
    {
        var exception = Assert.Throws<QuantizationException>(() =>
            NpyReader.Read(Npy.Of($"{(char)27}[31m{new string('x', 500)}", Encoding.ASCII.GetBytes("")), "a.npy"));

        Assert.DoesNotContain(exception.Message, char.IsControl);
    }
}
