namespace MlServe.Onnx;

public sealed class OnnxModelOptionsTests
{
    [Fact]
    public void Defaults_AreThoseOfTheDocumentation()
    {
        var options = new OnnxModelOptions();
        Assert.Empty(options.ExecutionProviders);
        Assert.Equal(1, options.IntraOpThreads);
        Assert.Equal(1, options.InterOpThreads);
        Assert.Equal(1, options.Sessions);
        Assert.False(options.UseSharedThreadPool);
        Assert.False(options.AllowSpinning);
        Assert.Equal(GraphOptimization.All, options.Optimization);
        Assert.Null(options.OptimizedModelCacheFolder);
        Assert.True(options.UseArena);
        Assert.Empty(options.FreeDimensions);
        Assert.Empty(options.SessionEntries);
        Assert.False(options.AllowExternalData);
        Assert.Equal(BatchDetection.Probe, options.BatchDetection);
        Assert.Null(options.BatchAxis);
        Assert.Empty(options.BatchAxes);
        Assert.Empty(options.SampleInputs);
        Assert.Empty(options.WarmUpRows);
        Assert.Equal(3, options.WarmUpRuns);
        Assert.Equal(1024, options.MaxQueuedRequests);
        Assert.Equal(256L * 1024 * 1024, options.MaxRequestBytes);
        Assert.Equal(256L * 1024 * 1024, options.MaxIdleLaneBytes);
        Assert.Empty(options.Validate());

        var provider = new ExecutionProviderOptions();
        Assert.Equal(ExecutionProvider.Cpu, provider.Provider);
        Assert.Equal(ProviderRequirement.ElseNext, provider.Requirement);
        Assert.Equal(0, provider.DeviceId);
        Assert.Empty(provider.Settings);

        var runtime = new OnnxRuntimeOptions();
        Assert.False(runtime.EnableTelemetry);
        Assert.Equal(0, runtime.SharedThreadPoolThreads);
        Assert.Null(runtime.Validate());

        var context = new ModelLoadContext();
        Assert.Equal("default", context.Name);
        Assert.Equal("1", context.Version);
        Assert.Same(RunGate.Shared, context.RunGate);
        Assert.Same(TimeProvider.System, context.TimeProvider);
        Assert.Null(context.LoggerFactory);
    }

    public static TheoryData<OnnxModelOptions, string> OutOfRange => new()
    {
        { new() { IntraOpThreads = -1 }, "IntraOpThreads is -1; it must be 0 to 1024." },
        { new() { IntraOpThreads = 1025 }, "IntraOpThreads is 1025; it must be 0 to 1024." },
        { new() { Sessions = 0 }, "Sessions is 0; it must be 1 to 64." },
        { new() { Sessions = 65 }, "Sessions is 65; it must be 1 to 64." },
        { new() { InterOpThreads = 0 }, "InterOpThreads is 0; it must be 1 to 1024." },
        { new() { InterOpThreads = 1025 }, "InterOpThreads is 1025; it must be 1 to 1024." },
        { new() { Optimization = (GraphOptimization)9 }, "Optimization is 9; it must be None, Basic, Extended or All." },
        { new() { BatchDetection = (BatchDetection)9 }, "BatchDetection is 9; it must be Probe or None." },
        { new() { BatchAxis = -1 }, "BatchAxis is -1; it must be 0 or more." },
        { new() { WarmUpRuns = -1 }, "WarmUpRuns is -1; it must be 0 to 1000." },
        { new() { WarmUpRuns = 1001 }, "WarmUpRuns is 1001; it must be 0 to 1000." },
        { new() { MaxQueuedRequests = -1 }, "MaxQueuedRequests is -1; it must be 0 to 1000000." },
        { new() { MaxQueuedRequests = 1_000_001 }, "MaxQueuedRequests is 1000001; it must be 0 to 1000000." },
        { new() { MaxRequestBytes = 0 }, "MaxRequestBytes is 0; it must be 1 to 2147483591." },
        { new() { MaxRequestBytes = 2147483592 }, "MaxRequestBytes is 2147483592; it must be 1 to 2147483591." },
        { new() { MaxIdleLaneBytes = -1 }, "MaxIdleLaneBytes is -1; it must be 0 or more." },
        { new() { BatchAxis = 0, BatchAxes = { ["x"] = 0 } }, "BatchAxis and BatchAxes are both set. State one of them." },
        { new() { BatchDetection = BatchDetection.None, BatchAxis = 0 },
            "BatchDetection is None, and a batch axis is stated. Leave one of them out." },
        { new() { BatchDetection = BatchDetection.None, BatchAxes = { ["x"] = 0 } },
            "BatchDetection is None, and a batch axis is stated. Leave one of them out." },
        { new() { WarmUpRows = [1, 0] }, "WarmUpRows:1 is 0; it must be 1 to 65536." },
        { new() { WarmUpRows = [65537] }, "WarmUpRows:0 is 65537; it must be 1 to 65536." },
        { new() { BatchAxes = { ["x"] = -2 } }, "BatchAxes:x is -2; it must be 0 or more." },
        { new() { FreeDimensions = { ["T"] = 0 } }, "FreeDimensions:T is 0; it must be 1 or more." },
        { new() { ExecutionProviders = [new() { Provider = (ExecutionProvider)99 }] },
            "ExecutionProviders:0:Provider is 99; it must be Cpu, Cuda, TensorRt, DirectMl, CoreMl, OpenVino, Auto." },
        { new() { ExecutionProviders = [new(), new() { Requirement = (ProviderRequirement)5 }] },
            "ExecutionProviders:1:Requirement is 5; it must be ElseNext or Required." },
        { new() { ExecutionProviders = [new() { DeviceId = -3 }] }, "ExecutionProviders:0:DeviceId is -3; it must be 0 or more." },
    };

    [Theory]
    [MemberData(nameof(OutOfRange), DisableDiscoveryEnumeration = true)]
    public void Validate_OutOfRange_NamesOptionValueAndRange(OnnxModelOptions options, string message) =>
        Assert.Equal([message], options.Validate());

    [Fact]
    public void Validate_EdgesOfTheRanges_AreInside() => Assert.Empty(new OnnxModelOptions
    {
        IntraOpThreads = 0,
        InterOpThreads = 1024,
        Sessions = 64,
        WarmUpRuns = 1000,
        MaxQueuedRequests = 0,
        MaxRequestBytes = 2147483591,
        MaxIdleLaneBytes = 0,
        WarmUpRows = [1, 65536],
        FreeDimensions = { ["T"] = 1 },
    }.Validate());

    [Theory]
    [InlineData(-1)]
    [InlineData(1025)]
    public void Configure_PoolOutOfRange_Throws(int threads) =>
        Assert.Contains(
            "0 to 1024",
            Assert.Throws<ArgumentException>(() => OnnxRuntimeEnvironment.Configure(new() { SharedThreadPoolThreads = threads })).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Configure_WhatHoldsAlready_IsAllowedAndAnythingElseIsNot()
    {
        TinyModels.Affine().Load().Dispose();
        OnnxRuntimeEnvironment.Configure(new());
        var exception = Assert.Throws<InvalidOperationException>(() =>
            OnnxRuntimeEnvironment.Configure(new() { SharedThreadPoolThreads = 2 }));
        Assert.Contains("before the first model is loaded", exception.Message, StringComparison.Ordinal);
    }
}
