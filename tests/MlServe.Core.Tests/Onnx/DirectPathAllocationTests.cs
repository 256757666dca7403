using System.Runtime.CompilerServices;
using MlServe.Tests;

namespace MlServe.Onnx;

/// <summary>What the direct path allocates once it is warm, over the whole process: nothing.</summary>
[Collection(Alone.Name)]
[CountsAllocations]
public sealed class DirectPathAllocationTests
{
    private const int Predictions = 200;

    [Fact]
    public void Row_OneCaller_AllocatesNothing()
    {
        using var predictor = TinyModels.Affine().Load();
        AllocatesNothing(predictor, PredictionInputs.Row(new float[4]));
    }

    [Fact]
    public void Row_ByName_AllocatesNothing()
    {
        using var predictor = TinyModels.Affine().Load();
        AllocatesNothing(predictor, PredictionInputs.Row(PredictionInput.Tensor("x", new float[4], [4])));
    }

    [Fact]
    public void Rows_OneCaller_AllocatesNothing()
    {
        using var predictor = TinyModels.Affine().Load();
        AllocatesNothing(predictor, PredictionInputs.Rows(new float[400], 100));
    }

    [Fact]
    public void Rows_MixedCounts_AllocateNothing()
    {
        using var predictor = TinyModels.Affine().Load();
        PredictionInputs[] inputs = [.. Enumerable.Range(0, 20).Select(static rows => PredictionInputs.Rows(new float[4 * rows], rows))];
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < Predictions; i++)
                Predict(predictor, inputs[i % inputs.Length], null);
        }));
    }

    [Fact]
    public void Rows_OnAnAxisBehindTheFirst_AllocateNothing()
    {
        using var predictor = TinyModels.OnAxis(2).Load();
        AllocatesNothing(predictor, PredictionInputs.Rows(new float[36], 3));
    }

    [Fact]
    public void Rows_LargeOutput_AllocateNothing()
    {
        // Beyond what a prediction keeps for itself: rented and given back.
        using var predictor = TinyModels.Affine(4096).Load();
        AllocatesNothing(predictor, PredictionInputs.Rows(new float[4096 * 4], 4));
    }

    [Fact]
    public void Row_ModelOfOneRowAtATime_AllocatesNothing()
    {
        using var predictor = TinyModels.FixedAffine().Load();
        AllocatesNothing(predictor, PredictionInputs.Row(new float[4]));
    }

    [Fact]
    public void Row_SeveralInputsByName_AllocatesNothing()
    {
        using var predictor = TinyModels.TwoInputs().Load();
        AllocatesNothing(
            predictor, PredictionInputs.Row(PredictionInput.Tensor("b", new float[3]), PredictionInput.Tensor("a", new float[3])));
    }

    [Fact]
    public void Row_OutputsOnRequest_AllocatesNothing()
    {
        using var predictor = TinyModels.TwoInputs().Load();
        var inputs = PredictionInputs.Rows(
            PredictionInput.Tensor("a", new float[6], [2, 3]), PredictionInput.Tensor("b", new float[6], [2, 3]));
        AllocatesNothing(predictor, inputs, new() { Outputs = ["product"] });
    }

    [Fact]
    public void Row_ShapesSeenBefore_AllocateNothing()
    {
        using var predictor = TinyModels.FreeLength().Load();
        PredictionInputs[] inputs = [.. Enumerable.Range(1, 10).Select(static length => PredictionInputs.Row(new float[length]))];
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < Predictions; i++)
                Predict(predictor, inputs[i % inputs.Length], null);
        }));
    }

    [Fact]
    public void Row_ChosenByTheRuntimeToRunOnTheProcessor_AllocatesNothing()
    {
        using var predictor = TinyModels.Affine().Load(new() { ExecutionProviders = [new() { Provider = ExecutionProvider.Auto }] });
        if (predictor.GetService<OnnxModelDescription>()!.ExecutionProvider != "CPUExecutionProvider")
            Assert.Skip("Needs a machine without a GPU.");
        AllocatesNothing(predictor, PredictionInputs.Row(new float[4]));
    }

    [Fact]
    public void Row_WithATokenThatCanBeCancelled_AllocatesNothing()
    {
        using var predictor = TinyModels.Affine().Load();
        using var source = new CancellationTokenSource();
        var inputs = PredictionInputs.Row(new float[4]);
        var token = source.Token;
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < Predictions; i++)
                predictor.PredictAsync(inputs, null, token).GetAwaiter().GetResult().EnsureOk().Dispose();
        }));
    }

    [Fact]
    public void TypedDoor_OneCaller_AllocatesNothing()
    {
        using var predictor = TinyModels.Affine().Load();
        var typed = predictor.As<float, float>(
            static (value, writer) => writer.Tensor<float>(4)[0] = value, static prediction => prediction["y"].AsSpan<float>()[0]);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < Predictions; i++)
                typed.PredictAsync(i).GetAwaiter().GetResult();
        }));
    }

    [Fact]
    public void TypedDoor_TwoModelsInTurn_AllocatesNothing()
    {
        using var affine = TinyModels.Affine().Load();
        using var two = TinyModels.TwoInputs().Load();
        var first = affine.As<float, float>(
            static (value, writer) => writer.Tensor<float>(4)[0] = value, static prediction => prediction["y"].AsSpan<float>()[0]);
        var second = two.As<float, float>(
            static (value, writer) =>
            {
                writer.Tensor<float>("a", 3)[0] = value;
                writer.Tensor<float>("b", 3)[0] = value;
            },
            static prediction => prediction["sum"].AsSpan<float>()[0]);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < Predictions; i++)
            {
                first.PredictAsync(i).GetAwaiter().GetResult();
                second.PredictAsync(i).GetAwaiter().GetResult();
            }
        }));
    }

    [Fact]
    public void Refusal_QueueFull_AllocatesOnlyTheError()
    {
        var gate = new RunGate(1);
        using var predictor = TinyModels.Affine().Load(new() { MaxQueuedRequests = 0 }, new() { RunGate = gate });
        var inputs = PredictionInputs.Row(new float[4]);
        Assert.True(gate.TryEnter());
        var bytes = Allocations.Least(() =>
        {
            for (var i = 0; i < Predictions; i++)
                predictor.PredictAsync(inputs).GetAwaiter().GetResult().Dispose();
        });
        gate.Exit();
        Assert.InRange(bytes / Predictions, 0, 200);
    }

    [Theory]
    [InlineData(1, 512)]
    [InlineData(2, 1000)]
    public void Queue_ManyOutstanding_AllocatesLessThanAByteEach(int places, int outstanding)
    {
        var gate = new RunGate(places);
        using var predictor = TinyModels.Affine().Load(new() { MaxQueuedRequests = outstanding }, new() { RunGate = gate });
        using var round = new Outstanding(outstanding);
        var inputs = PredictionInputs.Row(new float[] { 1, 2, 3, 4 });
        var bytes = Allocations.Least(() =>
        {
            for (var place = 0; place < places; place++)
                Assert.True(gate.TryEnter());
            round.Begin(predictor, inputs);
            for (var place = 0; place < places; place++)
                gate.Exit();
            round.End();
        }, rounds: 60);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{(double)bytes / outstanding} bytes per prediction with {outstanding} outstanding");
        Assert.True(bytes < outstanding, $"{bytes} bytes for {outstanding} predictions.");
    }

    [Fact]
    public void TypedDoor_ManyOutstanding_AllocatesLessThanAByteEach()
    {
        const int Count = 512;
        var gate = new RunGate(1);
        using var predictor = TinyModels.Affine().Load(null, new() { RunGate = gate });
        var typed = predictor.As<float, float>(
            static (value, writer) => writer.Tensor<float>(4)[0] = value, static prediction => prediction["y"].AsSpan<float>()[0]);
        var awaiters = new ValueTaskAwaiter<float>[Count];
        var open = 0;
        using var done = new ManualResetEventSlim();
        Action completed = () =>
        {
            if (Interlocked.Decrement(ref open) == 0) done.Set();
        };
        var bytes = Allocations.Least(() =>
        {
            done.Reset();
            open = Count;
            Assert.True(gate.TryEnter());
            for (var i = 0; i < Count; i++)
            {
                awaiters[i] = typed.PredictAsync(i).GetAwaiter();
                awaiters[i].UnsafeOnCompleted(completed);
            }

            gate.Exit();
            done.Wait();
            for (var i = 0; i < Count; i++)
            {
                if (awaiters[i].GetResult() != (2 * i) + 1) throw new InvalidOperationException("Not the right answer.");
            }
        }, rounds: 60);
        Assert.True(bytes < Count, $"{bytes} bytes for {Count} predictions.");
    }

    private static void AllocatesNothing(OnnxPredictor predictor, PredictionInputs inputs, PredictionOptions? options = null) =>
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < Predictions; i++)
                Predict(predictor, inputs, options);
        }));

    private static void Predict(OnnxPredictor predictor, in PredictionInputs inputs, PredictionOptions? options)
    {
        using var prediction = predictor.PredictAsync(inputs, options).GetAwaiter().GetResult();
        if (!prediction.IsOk || prediction[0].Length < 0) throw new InvalidOperationException("No answer.");
    }

    /// <summary>Many requests at once, awaited without async methods, which would allocate themselves.</summary>
    private sealed class Outstanding : IDisposable
    {
        private readonly ValueTaskAwaiter<Prediction>[] _awaiters;
        private readonly Action _completed;
        private readonly ManualResetEventSlim _done = new();
        private int _open;

        public Outstanding(int count)
        {
            _awaiters = new ValueTaskAwaiter<Prediction>[count];
            _completed = () =>
            {
                if (Interlocked.Decrement(ref _open) == 0) _done.Set();
            };
        }

        public void Begin(OnnxPredictor predictor, in PredictionInputs inputs)
        {
            _done.Reset();
            _open = _awaiters.Length;
            for (var i = 0; i < _awaiters.Length; i++)
            {
                _awaiters[i] = predictor.PredictAsync(inputs).GetAwaiter();
                if (_awaiters[i].IsCompleted) throw new InvalidOperationException("It did not wait in line.");
                _awaiters[i].UnsafeOnCompleted(_completed);
            }
        }

        public void End()
        {
            _done.Wait();
            for (var i = 0; i < _awaiters.Length; i++)
            {
                using var prediction = _awaiters[i].GetResult();
                if (prediction["y"].AsSpan<float>()[3] != 9) throw new InvalidOperationException("Not the right answer.");
                _awaiters[i] = default;
            }
        }

        public void Dispose() => _done.Dispose();
    }
}
