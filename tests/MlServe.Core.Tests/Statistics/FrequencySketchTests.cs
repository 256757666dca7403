using MlServe.Caching;

using MlServe.Statistics;

namespace MlServe.Tests.Caching;

public sealed class FrequencySketchTests
{
    private readonly FrequencySketch _sketch = new();

    [Fact]
    public void Estimate_KeysCountedApart_AreToldApart()
    {
        _sketch.EnsureCapacity(100);
        for (var i = 0; i < 9; i++)
            _sketch.Increment(7);
        _sketch.Increment(8);

        Assert.Equal((9, 1, 0), (_sketch.Estimate(7), _sketch.Estimate(8), _sketch.Estimate(9)));
    }

    [Fact]
    public void EnsureCapacity_Grown_KeepsCounts()
    {
        for (var i = 0; i < 5; i++)
            _sketch.Increment(7);

        _sketch.EnsureCapacity(10_000);

        Assert.Equal(5, _sketch.Estimate(7));
    }

    [Fact]
    public void Increment_ManyTimes_AgesWhatIsOld()
    {
        _sketch.EnsureCapacity(100);
        for (var i = 0; i < 20; i++)
            _sketch.Increment(7);
        Assert.Equal(15, _sketch.Estimate(7));

        for (ulong key = 100; key < 1_100; key++)
            _sketch.Increment(key);

        Assert.InRange(_sketch.Estimate(7), 4, 8);
    }
}
