using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MlServe.Benchmarks.Load;

/// <summary>
/// One outstanding request: the thread pool calls the model, as it does for a web server's requests. Used again when it is answered, so
/// that the generator allocates nothing.
/// </summary>
internal sealed class LoadRequest : IThreadPoolWorkItem
{
    private const int Free = 0;
    private const int Outstanding = 1;
    private const int GivenUp = 2;

    private readonly OutstandingRequests _owner;
    private readonly Action _answered;
    private ConfiguredValueTaskAwaitable<Prediction>.ConfiguredValueTaskAwaiter _awaiter;
    private PredictionInputs _inputs;
    private StepRecorder _step = null!;
    private TimeSlots _slots = null!;
    private long _dueStamp;
    private long _due;
    private long _sent;
    private int _state;

    public LoadRequest(OutstandingRequests owner, int place)
    {
        _owner = owner;
        _answered = Answered;
        Place = place;
    }

    public int Place { get; }

    /// <summary>Which request of the run it is.</summary>
    public long Id { get; private set; }

    public bool IsOutstanding => Volatile.Read(ref _state) == Outstanding;

    public void Begin(long id, in PredictionInputs inputs, StepRecorder step, TimeSlots slots, long due, long dueStamp)
    {
        (Id, _inputs, _step, _slots, _due, _dueStamp) = (id, inputs, step, slots, due, dueStamp);
        _sent = Stopwatch.GetTimestamp();
        Volatile.Write(ref _state, Outstanding);
    }

    public void Execute()
    {
        try
        {
#pragma warning disable CA2012 // Consumed once, in Answered.
            _awaiter = _owner.Predictor.PredictAsync(_inputs).ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
            if (!_awaiter.IsCompleted)
            {
                _awaiter.UnsafeOnCompleted(_answered);
                return;
            }
        }
#pragma warning disable CA1031 // A predictor that throws is an error of the system under test, not of the test.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            End(default, exception);
            return;
        }

        Answered();
    }

    /// <summary>Counts it as lost; an answer that comes all the same only frees its place.</summary>
    public bool GiveUp()
    {
        if (Interlocked.CompareExchange(ref _state, GivenUp, Outstanding) != Outstanding) return false;
        _step.OnLost();
        _slots.Missed(_due);
        return true;
    }

    private void Answered()
    {
        if (Volatile.Read(ref _state) == Free || !_awaiter.IsCompleted)
        {
            _owner.AnsweredTwice();
            return;
        }

        Exception? failure = null;
        Prediction prediction = default;
        try
        {
            prediction = _awaiter.GetResult();
        }
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = exception;
        }

        End(prediction, failure);
    }

    private void End(Prediction prediction, Exception? failure)
    {
        var now = Stopwatch.GetTimestamp();
        var isCounted = Interlocked.Exchange(ref _state, Free) == Outstanding;
        if (isCounted) Count(prediction, failure, now);
        if (failure is null) prediction.Dispose();
        _awaiter = default;
        _owner.Return(this, isCounted);
    }

    private void Count(in Prediction prediction, Exception? failure, long now)
    {
        const double Scale = 1e9;
        var (sinceDue, sinceSend) =
            ((long)((now - _dueStamp) * (Scale / Stopwatch.Frequency)), (long)((now - _sent) * (Scale / Stopwatch.Frequency)));
        var kept = false;
        if (failure is not null) _step.OnError($"{failure.GetType().Name}: {failure.Message}");
        else if (prediction.IsOk) kept = _step.OnAnswer(sinceDue, sinceSend);
        else if (IsShed(prediction.Status)) _step.OnShed();
        else _step.OnError(prediction.Error.ToString());
        if (!kept) _slots.Missed(_due);
    }

    /// <summary>Whether a service says so of itself when it has too much to do. All else that is no answer is an error.</summary>
    private static bool IsShed(PredictionStatus status) => status
        is PredictionStatus.Overloaded or PredictionStatus.RateLimited or PredictionStatus.DeadlineExceeded or PredictionStatus.CircuitOpen;
}
