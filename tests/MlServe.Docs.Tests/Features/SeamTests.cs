using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Caching;
using MlServe.Features;
using MlServe.Resilience;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Docs;

/// <summary>What Core opens to packages, used by a project that sees nothing internal, in a host and around a real model.</summary>
public sealed class SeamTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The kind: a seam that nobody here uses may be one that nobody can use.</summary>
    [Fact]
    public void Seams_EachOfCore_IsUsedHereAndStandsInTheDocument()
    {
        using var self = new PEReader(File.OpenRead(typeof(SeamTests).Assembly.Location));
        var metadata = self.GetMetadataReader();
        var used = metadata.TypeReferences.Select(metadata.GetTypeReference)
            .Select(type => $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}").ToHashSet();
        var members = metadata.MemberReferences.Select(member => metadata.GetString(metadata.GetMemberReference(member).Name)).ToHashSet();
        var seams = typeof(IPredictor).Assembly.GetExportedTypes().Where(IsSeam).ToList();
        var doors = typeof(IPredictor).Assembly.GetExportedTypes().Where(static type => !IsSeam(type))
            .SelectMany(static type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance))
            .Where(IsSeam).Select(static method => method.Name).ToList();
        Assert.True(seams.Count > 15 && doors.Count > 5, $"{seams.Count} types and {doors.Count} members: the test does not see them.");

        // Of an enumeration its values are used, which leaves no reference where they are constants.
        Assert.Empty(seams.Where(static seam => !seam.IsEnum).Select(static seam => seam.FullName!).Except(used));
        Assert.Empty(doors.Except(members));
        var document = File.ReadAllText(Repository.PathOf("ARCHITECTURE.md"));
        Assert.All(seams, seam => Assert.Contains($"`{seam.Name}", document, StringComparison.Ordinal));

        static bool IsSeam(MemberInfo member) => member.GetCustomAttribute<ExperimentalAttribute>()?.DiagnosticId == "MLSERVE001";
    }

    [Fact]
    public async Task Stage_InAHost_SeesEveryRequestAndNoWarmUp()
    {
        using var host = await StartAsync(static model => model.UseStandardPipeline().UseFeature<PermitOptions>());
        var predictor = host.Services.GetRequiredService<IPredictor>();
        var stage = predictor.GetService<PermitStage>()!;
        Assert.Equal(0, stage.Calls);

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => AskAsync(predictor, i)));

        Assert.Equal(Enumerable.Range(0, 64).Select(static i => (PredictionStatus.Ok, 3f * i)), answers);
        Assert.Equal(64, stage.Calls);
        await host.StopAsync(Token);
        Assert.True(stage.IsDisposed);
    }

    [Fact]
    public async Task Stage_ThatAnswersOrWaits_DecidesWhatTheModelSees()
    {
        var permit = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var host = await StartAsync(model => model.UseFeature<PermitOptions>(options =>
            (options.MaxRequests, options.Permit) = (2, permit.Task)));
        var predictor = host.Services.GetRequiredService<IPredictor>();

        var first = AskAsync(predictor, 1);
        Assert.False(first.IsCompleted);
        permit.SetResult(true);

        Assert.Equal((PredictionStatus.Ok, 3f), await first);
        Assert.Equal((PredictionStatus.Ok, 6f), await AskAsync(predictor, 2));
        Assert.Equal((PredictionStatus.Overloaded, 0f), await AskAsync(predictor, 3));
        Assert.Equal((0, 0), (predictor.GetService<PermitStage>()!.Inside, predictor.GetService<PermitStage>()!.Failures));
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task Stage_CallerGivesUp_IsLeft()
    {
        var stage = new PermitStage(new(), isWarmUp: false);
        using var model = SumModel.Load();
        using var predictor = new PredictorBuilder(model).UseStage((_, _) => stage).Build();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await predictor.PredictAsync(SumModel.Row(1), cancellationToken: new(canceled: true)));

        Assert.Equal((0, 1), (stage.Inside, stage.Failures));
    }

    [Fact]
    public async Task Stage_WithModelsByName_AsksAnother()
    {
        using var host = await StartAsync(
            static model => model.UseCircuitBreaker().UseFeature<OpinionOptions>(), static services => services.AddMlServing()
                .AddFeature<OpinionFeature>().AddModel("other", static model => model.FromBytes(SumModel.Bytes(factor: 10))));
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("m");

        Assert.Equal((PredictionStatus.Ok, 3f), await AskAsync(predictor, 1));
        predictor.GetService<ICircuitBreaker>()!.Isolate();
        Assert.Equal((PredictionStatus.Ok, 30f), await AskAsync(predictor, 1));
        await host.StopAsync(Token);
    }

    [Fact]
    public void Stage_ThatSubstitutesAnswers_HasNoCacheAround()
    {
        using var model = SumModel.Load();
        var builder = new PredictorBuilder(model).UseCache(new CacheOptions()).UseStage(static (_, context) =>
            new SecondOpinion(context.Models, "other"));

        var thrown = Assert.Throws<InvalidOperationException>(() => builder.Build());

        Assert.Contains(nameof(SecondOpinion), thrown.Message, StringComparison.Ordinal);
    }

    /// <summary>What keeps deadlines is told the time; what does not say so gets a copy, and goes on without its caller.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Layer_InsideOfALimit_GetsTheCallersMemoryIfItKeepsDeadlines(bool isMarked)
    {
        float[] row = [1, 1, 1];
        (bool IsOwn, TimeSpan? Timeout) seen = default;
        void See(PredictionInputs inputs, PredictionOptions? options) =>
            seen = (inputs[0].AsSpan<float>().Overlaps(row), options?.Timeout);
        using var model = SumModel.Load();
        using var predictor = new PredictorBuilder(model).UseTimeout(TimeSpan.FromHours(1))
            .Use((IPredictor inner, PipelineContext _) => isMarked ? new MarkedOnlooker(inner, See) : new Onlooker(inner, See))
            .UseBatching(new Batching.BatchingOptions()).Build();

        using var prediction = await predictor.PredictAsync(PredictionInputs.Row(row), cancellationToken: Token);

        Assert.Equal(3, prediction.EnsureOk()[0].ToScalar<float>());
        Assert.Equal(isMarked, seen.IsOwn);
        Assert.InRange(seen.Timeout!.Value, TimeSpan.FromTicks(1), TimeSpan.FromHours(1));
    }

    private static async Task<(PredictionStatus Status, float Value)> AskAsync(IPredictor predictor, float value)
    {
        using var prediction = await predictor.PredictAsync(SumModel.Row(value), cancellationToken: Token);
        return (prediction.Status, prediction.IsOk ? prediction[0].ToScalar<float>() : 0);
    }

    private static async Task<IHost> StartAsync(Action<ModelBuilder> configure, Action<IServiceCollection>? more = null)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddMlServing().AddFeature<PermitFeature>().AddModel("m", model =>
            configure(model.FromBytes(SumModel.Bytes()).AsDefault()));
        more?.Invoke(builder.Services);
        var host = builder.Build();
        await host.StartAsync(Token);
        return host;
    }

    public sealed class OpinionOptions;

    public sealed class OpinionFeature : ModelFeature<OpinionOptions>
    {
        public override string Key => "Opinion";

        public override FeatureSlot Slot => FeatureSlot.Application;

        public override void Apply(ModelFeatureContext context, OpinionOptions options) =>
            context.Pipeline.UseStage(static (_, pipeline) => new SecondOpinion(pipeline.Models, "other"));
    }
}
