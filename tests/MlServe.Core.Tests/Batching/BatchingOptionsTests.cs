using MlServe.Batching;

namespace MlServe.Tests.Batching;

public sealed class BatchingOptionsTests
{
    [Fact]
    public void Defaults_AreThoseThatAreDocumented()
    {
        var options = new BatchingOptions();

        Assert.Equal(64, options.MaxBatchSize);
        Assert.Equal(TimeSpan.Zero, options.MaxQueueDelay);
        Assert.Equal(4096, options.MaxQueuedRows);
        Assert.Equal(0, options.Lanes);
        Assert.Equal(RunMode.Auto, options.RunMode);
        Assert.Null(options.Timeout);
        Assert.Equal(TimeSpan.FromSeconds(1), options.MaxBulkDelay);
        Assert.Equal(256L * 1024 * 1024, options.MaxLaneBytes);
        Assert.Null(options.AcceptDependentRowsOf);
        Assert.Empty(options.Validate());
    }

    public static TheoryData<Action<BatchingOptions>, string> Faults() => new()
    {
        { static options => options.MaxBatchSize = 0, "MaxBatchSize is 0; it must be 1 to 65536." },
        { static options => options.MaxBatchSize = 65537, "MaxBatchSize is 65537; it must be 1 to 65536." },
        { static options => options.MaxQueueDelay = TimeSpan.FromTicks(-1),
            "MaxQueueDelay is -00:00:00.0000001; it must be 00:00:00 to 00:00:01." },
        { static options => options.MaxQueueDelay = TimeSpan.FromSeconds(2),
            "MaxQueueDelay is 00:00:02; it must be 00:00:00 to 00:00:01." },
        { static options => options.MaxQueuedRows = 0, "MaxQueuedRows is 0; it must be 1 to 10000000." },
        { static options => options.MaxQueuedRows = 10_000_001, "MaxQueuedRows is 10000001; it must be 1 to 10000000." },
        { static options => options.Lanes = -1, "Lanes is -1; it must be 0 to 1024." },
        { static options => options.Lanes = 1025, "Lanes is 1025; it must be 0 to 1024." },
        { static options => options.RunMode = (RunMode)9, "RunMode is 9; it must be Auto, Inline or Queued." },
        { static options => options.Timeout = TimeSpan.Zero, "Timeout is 00:00:00; it must be greater than zero." },
        { static options => options.MaxBulkDelay = TimeSpan.FromSeconds(-1),
            "MaxBulkDelay is -00:00:01; it must be 00:00:00 to 01:00:00." },
        { static options => options.MaxBulkDelay = TimeSpan.FromHours(2), "MaxBulkDelay is 02:00:00; it must be 00:00:00 to 01:00:00." },
        { static options => options.MaxLaneBytes = 1024, "MaxLaneBytes is 1024; it must be 1048576 or more." },
    };

    [Theory]
    [MemberData(nameof(Faults), DisableDiscoveryEnumeration = true)]
    public void Validate_ValueOutOfRange_NamesOptionValueAndRange(Action<BatchingOptions> configure, string message)
    {
        var options = new BatchingOptions();
        configure(options);

        Assert.Equal([message], options.Validate());
    }

    [Fact]
    public void Validate_ValuesAtTheirBounds_AreFine()
    {
        Assert.Empty(new BatchingOptions
        {
            MaxBatchSize = 1,
            MaxQueuedRows = 1,
            Lanes = 1024,
            MaxBulkDelay = TimeSpan.Zero,
            MaxLaneBytes = 1 << 20,
        }.Validate());
        Assert.Empty(new BatchingOptions
        {
            MaxBatchSize = 65536,
            MaxQueueDelay = TimeSpan.FromSeconds(1),
            Timeout = TimeSpan.MaxValue,
        }.Validate());
    }
}
