using System.Runtime.CompilerServices;

namespace MlServe.Benchmarks.Measurement;

/// <summary>Asks many times at once and waits for all, without allocating anything itself: the continuations are made beforehand.</summary>
internal sealed class AllocationRound
{
    private readonly IPredictor _predictor;
    private readonly Waiter[] _waiters;
    private readonly float[] _row = [1, 2, 3, 4];
    private int _pending;

    public AllocationRound(IPredictor predictor, int outstanding)
    {
        _predictor = predictor;
        _waiters = [.. Enumerable.Range(0, outstanding).Select(_ => new Waiter(this))];
    }

    public void Run()
    {
        _pending = _waiters.Length;
        foreach (var waiter in _waiters)
            waiter.Wait(_predictor.PredictAsync(PredictionInputs.Row(_row)));
        while (Volatile.Read(ref _pending) > 0)
            Thread.Yield();
    }

    private void Answered() => Interlocked.Decrement(ref _pending);

    /// <summary>A thread pool work item of its own, because a plain continuation would be wrapped in one that the pool allocates.</summary>
    private sealed class Waiter : IAsyncStateMachine
    {
        private readonly AllocationRound _round;
        private AsyncTaskMethodBuilder _builder;
        private ValueTaskAwaiter<Prediction> _awaiter;

        public Waiter(AllocationRound round) => _round = round;

        public void Wait(ValueTask<Prediction> prediction)
        {
            _awaiter = prediction.GetAwaiter();
            if (_awaiter.IsCompleted)
            {
                MoveNext();
                return;
            }

            var self = this;
            _builder.AwaitUnsafeOnCompleted(ref _awaiter, ref self);
        }

        public void MoveNext()
        {
            _awaiter.GetResult().Dispose();
            _round.Answered();
        }

        public void SetStateMachine(IAsyncStateMachine stateMachine)
        {
        }
    }
}
