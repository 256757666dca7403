namespace MlServe.Tensors;

public sealed class AlignedBufferTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(4096)]
    public unsafe void Span_AnyLength_IsAlignedAndZeroAndStaysInPlace(int length)
    {
        var buffer = new AlignedBuffer(length);
        Assert.Equal(length, buffer.Span.Length);
        Assert.Equal(0, buffer.Address % AlignedBuffer.Alignment);
        Assert.True(buffer.Span.IndexOfAnyExcept((byte)0) < 0);
        var address = buffer.Address;
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        Assert.Equal(address, buffer.Address);
        buffer.Span.Fill(7);
        for (var i = 0; i < length; i++)
            Assert.Equal(7, ((byte*)address)[i]);
    }
}
