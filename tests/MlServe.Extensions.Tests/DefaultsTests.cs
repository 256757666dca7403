using Xunit;

namespace MlServe;

public sealed class DefaultsTests
{
    [Fact]
    public void MlServingOptions_New_HasTheDocumentedDefaults()
    {
        var options = new MlServingOptions();

        Assert.Equal("MlServing", MlServingOptions.SectionName);
        Assert.Null(options.MaxConcurrentRuns);
        Assert.Equal(TimeSpan.FromSeconds(30), options.DrainTimeout);
        Assert.False(options.Runtime.EnableTelemetry);
        Assert.Equal(0, options.Runtime.SharedThreadPoolThreads);
        Assert.Empty(options.Validate());
    }

    [Fact]
    public void ModelOptions_New_HasTheDocumentedDefaults()
    {
        var options = new ModelOptions();

        Assert.Null(options.Path);
        Assert.Equal("1", options.Version);
        Assert.False(options.IsDefault);
        Assert.Equal(new ServiceLevel(), options.ServiceLevel.ToServiceLevel());
        Assert.Equal(1, options.Onnx.IntraOpThreads);
    }

    [Fact]
    public void ServiceLevelOptions_New_PromisesNothing()
    {
        var options = new ServiceLevelOptions();

        Assert.Null(options.P99);
        Assert.Null(options.Availability);
        Assert.Null(options.PeakRps);
        Assert.Equal((null, null, null), (options.P50, options.Quality, options.CostPerMillion));
    }
}
