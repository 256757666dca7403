using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe.Tests;

/// <summary>Which outputs a call gets, by names, and what finding that out costs.</summary>
[Collection(Alone.Name)]
[CountsAllocations]
public sealed class OutputSelectionTests
{
    private const int Requests = 200;

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(200)]
    [InlineData(1500)]
    public void Resolve_AnyChoiceInAnyOrder_IsThatOfASortedSet(int outputs)
    {
        var signature = Model(outputs);
        var random = new Random(11);
        for (var round = 0; round < 300; round++)
        {
            int[] chosen = [.. Enumerable.Range(0, random.Next(1, Math.Min(outputs * 2, 12))).Select(_ => random.Next(outputs))];
            var selection = OutputSelection.Resolve(signature, new() { Outputs = [.. chosen.Select(static index => $"o{index}")] },
                out var error);
            Assert.Null(error);
            Assert.Equal(chosen.Distinct().Order(), selection.Indexes);
            Assert.Equal(selection.Indexes.Count == outputs, selection.IsAll);
            Assert.Same(signature, selection.Signature);
        }
    }

    [Fact]
    public void Resolve_SameOptionsForTwoModels_EachGetsItsOwn()
    {
        var (first, second) = (Model(3), Model(4));
        var options = new PredictionOptions { Outputs = ["o2", "o0"] };
        for (var i = 0; i < 3; i++)
        {
            Assert.Same(first, OutputSelection.Resolve(first, options, out _).Signature);
            Assert.Same(second, OutputSelection.Resolve(second, options, out _).Signature);
        }
    }

    [Fact]
    public async Task Resolve_ManyThreadsAndMoreChoicesThanAreKept_EachGetsItsOwn()
    {
        var signature = Model(12);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                var mask = 1 + ((i * 31) + (thread * 7)) % 4095;
                int[] expected = [.. Enumerable.Range(0, 12).Where(bit => (mask >> bit & 1) != 0)];
                var found = OutputSelection.Resolve(signature, new() { Outputs = [.. expected.Select(static bit => $"o{bit}")] }, out _);
                Assert.True(expected.AsSpan().SequenceEqual(found.IndexSpan));
            }
        }, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public void PredictAsync_OptionsMadeForEachRequest_AllocateThemselvesAndNothingElse()
    {
        using var model = TinyModels.TwoInputs().Load();
        using var cached = new PredictorBuilder(model).UseCache(static options => options.SwitchOffWhenUseless = false).Build();
        using var full = new PredictorBuilder(model).UseTelemetry("m").UseFallback(fallback => fallback.To(model,
            "other")).UseCircuitBreaker().Build();
        using var batched = new PredictorBuilder(model).UseBatching().Build();
        var inputs = PredictionInputs.Rows(PredictionInput.Tensor("a", new float[6], [2, 3]), PredictionInput.Tensor("b", new float[6], [2,
            3]));
        string[][] choices = [["product"], ["sum"], ["sum", "product"]];
        var caller = new Caller { Tenant = "t" };
        var kept = new PredictionOptions[Requests];
        var own = Allocations.Least(() =>
        {
            for (var i = 0; i < Requests; i++)
                kept[i] = new() { Outputs = choices[i % choices.Length], Caller = caller };
        });
        foreach (var predictor in (IPredictor[])[model, cached, full, batched])
        {
            var all = Allocations.Least(() =>
            {
                for (var i = 0; i < Requests; i++)
                {
                    kept[i] = new() { Outputs = choices[i % choices.Length], Caller = caller };
                    predictor.Predict(inputs, kept[i]).EnsureOk().Dispose();
                }
            });
            Assert.True(own > 0);
            Assert.Equal(own, all);
        }
    }

    private static ModelSignature Model(int outputs) => new([], Enumerable.Range(0, outputs)
        .Select(static index => new ValueSignature { Name = $"o{index}", Kind = ValueKind.Tensor, ElementType = ElementType.Float }));
}
