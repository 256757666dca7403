using System.Diagnostics;
using MlServe.Onnx;
using MlServe.Resilience;
using MlServe.Tests.Caching;
using MlServe.Tests.Fakes;
using Polly;

namespace MlServe.Tests;

/// <summary>Who asks: what a caller holds, and that every layer between the door and the model sees the one whose request it is.</summary>
public sealed class CallerTests
{
    private static readonly Caller Anna = new() { Tenant = "north", Subject = "anna" };
    private static readonly Caller Ben = new() { Tenant = "south", Subject = "ben" };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Defaults_AreNobodyInParticular()
    {
        var caller = new Caller();
        Assert.Equal(("", null, null, null, null), (caller.Tenant, caller.Subject, caller.ExperimentKey, caller.Principal,
            caller.Attributes));
        Assert.Equal((null, null), (new PredictionOptions().Caller, new PredictionOptions().SequenceKey));
        Assert.Equal(new Caller { Tenant = "a", Subject = "b" }, new Caller { Tenant = "a" } with { Subject = "b" });
    }

    [Theory]
    [InlineData("a\nb", "control character")]
    [InlineData("a\u0085", "control character")]
    [InlineData(129, "129 characters; it may have 128")]
    public void Tenant_NotFitForATag_IsRefused(object tenant, string reason)
    {
        var text = tenant as string ?? new string('x', (int)tenant);
        Ask.Says(Assert.Throws<ArgumentException>(() => new Caller { Tenant = text }).Message, reason);
        Assert.Throws<ArgumentNullException>(() => new Caller { Tenant = null! });
        Assert.Equal(128, new Caller { Tenant = new('x', 128) }.Tenant.Length);
    }

    [Fact]
    public void Attributes_DictionaryIsChangedLater_AreThoseThatWereGiven()
    {
        var given = new Dictionary<string, string> { ["plan"] = "gold" };
        var caller = new Caller { Attributes = given };
        given["plan"] = "free";
        given["region"] = "eu";

        Assert.Equal([new("plan", "gold")], caller.Attributes!);
        Assert.Throws<NotSupportedException>(() => ((IDictionary<string, string>)caller.Attributes!).Add("x", "y"));
        Assert.Same(caller.Attributes, (caller with { Subject = "s" }).Attributes);
    }

    [Fact]
    public void ToString_SubjectAndAttributes_AreNotInIt()
    {
        var options = new PredictionOptions
        {
            Caller = Anna with
            {
                ExperimentKey = "key-7",
                Attributes = new Dictionary<string,
            string>
                { ["mail"] = "a@b" }
            }
        };
        Assert.Equal("Caller { Tenant = north }", options.Caller.ToString());
        foreach (var secret in (string[])["anna", "key-7", "a@b"])
            Assert.DoesNotContain(secret, options.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PredictAsync_LayersAtEveryPosition_SeeTheCallerOfEachRequest(bool isPending)
    {
        var gate = new RunGate(1);
        await using var model = TinyModels.Affine().Load(null, new() { RunGate = gate });
        var seen = new List<(int Place, string? Subject, string? Sequence)>();
        var places = 0;
        PredictorBuilder Look(PredictorBuilder builder)
        {
            var place = places++;
            return builder.Use(inner => new Onlooker(inner, options => seen.Add((place, options?.Caller?.Subject, options?.SequenceKey))));
        }

        var builder = Look(new PredictorBuilder(model).UseTelemetry("m"));
        builder = Look(builder.UseFallback(static fallback => fallback.ThenValue("y", [0f])));
        builder = Look(builder.UseCache());
        builder = Look(builder.UseTimeout(TimeSpan.FromMinutes(1)));
        builder = Look(builder.UseCircuitBreaker());
        builder = Look(builder.UseResiliencePipeline(ResiliencePipeline<Prediction>.Empty));
        builder = Look(builder.UseChaos(static chaos => chaos.Enabled = true));
        await using var pipeline = Look(builder).UseBatching().Build();

        // Twice each: the second time it finds what the first has made of its options.
        var value = 0f;
        foreach (var caller in (Caller[])[Anna, Ben, Anna, Ben])
        {
            seen.Clear();
            if (isPending) Assert.True(gate.TryEnter());
            var options = new PredictionOptions { Caller = caller, SequenceKey = $"of {caller.Subject}" };
            var asked = pipeline.PredictAsync(PredictionInputs.Row(new float[] { ++value, 0, 0, 0 }), options, Token).AsTask();
            if (isPending)
            {
                Assert.False(asked.IsCompleted);
                gate.Exit();
            }

            using var answer = await asked;
            Assert.True(answer.IsOk);
            var expected = Enumerable.Range(0, places).Select<int, (int, string?, string?)>(place => (place, caller.Subject,
                $"of {caller.Subject}"));
            Assert.Equal(expected, seen);
        }
    }

    [Fact]
    public async Task PredictAsync_LeaderOfASingleFlightGivesUp_FollowerIsComputedAsItsOwnCaller()
    {
        var inner = new PendingPredictor();
        var seen = new List<Caller?>();
        using var harness = new CacheHarness(new Onlooker(inner, options => seen.Add(options?.Caller)));
        Task<Prediction> AskAs(Caller caller, TimeSpan? timeout) =>
            harness.Cache.PredictAsync(Answers.Request(1), new() { Caller = caller, Timeout = timeout }, Token).AsTask();

        // The second as well has a time, of which it has less left when it is its turn: the options are made anew there.
        var leader = AskAs(Anna, TimeSpan.FromMinutes(1));
        var follower = AskAs(Ben, TimeSpan.FromMinutes(1));
        Assert.Equal([Anna], seen);
        inner.Fail(new OperationCanceledException());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leader);
        await Eventually.BecomesTrue(() => inner.Pending == 1, "the follower computes");
        Assert.Equal([Anna, Ben], seen);
        inner.Answer();
        using var answer = await follower;
        Assert.True(answer.IsOk);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_AnotherModelStandsIn_ItSeesTheCaller(bool isHedged)
    {
        var other = new FakePredictor();
        using var first = new FakePredictor(FakePredictor.Refusal);
        using var pipeline = new PredictorBuilder(first)
            .UseFallback(fallback => _ = isHedged ? fallback.To(other, "other").After(TimeSpan.FromHours(1)) : fallback.To(other,
                "other")).Build();
        var options = new PredictionOptions { Caller = Anna, SequenceKey = "s", Timeout = TimeSpan.FromMinutes(1) };
        using var answer = await pipeline.PredictAsync(Answers.Request(1), options, Token);

        Assert.True(answer.IsOk);
        Assert.Equal((Anna, "s"), (other.LastOptions?.Caller, other.LastOptions?.SequenceKey));
    }

    [Fact]
    public async Task PredictAsync_Traced_TenantIsATagAndTheSubjectIsNot()
    {
        var model = $"traced-{Guid.NewGuid():N}";
        var stopped = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == MlServeDiagnostics.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.DisplayName.EndsWith(model, StringComparison.Ordinal)) stopped.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(listener);
        using var inner = new FakePredictor();
        using var pipeline = new PredictorBuilder(inner).UseTelemetry(model).Build();
        foreach (var options in (PredictionOptions?[])[new() { Caller = Anna }, new() { Caller = new() { Subject = "anna" } }, new(), null])
            (await pipeline.PredictAsync(Answers.Request(1), options, Token)).Dispose();

        Assert.Equal(["north", null, null, null], stopped.Select(static activity => activity.GetTagItem(MlServeDiagnostics.TenantTag)));
        Assert.DoesNotContain(stopped.SelectMany(static activity => activity.TagObjects), static tag => tag.Value is "anna");
    }

    private sealed class Onlooker(IPredictor inner, Action<PredictionOptions?> look) : DelegatingPredictor(inner)
    {
        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            look(options);
            return base.PredictAsync(inputs, options, cancellationToken);
        }
    }
}
