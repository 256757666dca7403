using System.Collections.Concurrent;

namespace MlServe.ChildProcess.Guests;

/// <summary>Each request, and how it ended: once, with the right answer, or with what its own call deserves.</summary>
internal sealed class Ledger
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentQueue<string> _wrong = new();
    private long _asked;
    private long _right;
    private long _deserved;
    private long _unanswered;
    private long _broken;

    public long Asked => Interlocked.Read(ref _asked);

    public long Right => Interlocked.Read(ref _right);

    /// <summary>Ended with the status or the exception that the call deserves.</summary>
    public long Deserved => Interlocked.Read(ref _deserved);

    public long Unanswered => Interlocked.Read(ref _unanswered);

    /// <summary>Ended in another way.</summary>
    public long Wrong => Interlocked.Read(ref _broken);

    public bool IsBalanced => Asked == Right + Deserved + Unanswered + Wrong;

    public IEnumerable<string> FirstWrong => _wrong.Take(5);

    /// <summary>Asks once.</summary>
    /// <param name="predictor">The model: the sum of the row.</param>
    /// <param name="row">The row.</param>
    /// <param name="isRight">Tells an answer that is right beside the sum; null: only the sum is.</param>
    /// <param name="isDeserved">Tells an error that the call deserves; null: none is.</param>
    /// <param name="options">Of the call.</param>
    /// <param name="cancellationToken">Of the call.</param>
    public async Task AskAsync(
        IPredictor predictor, float[] row, Func<float, bool>? isRight = null, Func<PredictionError?, Exception?, bool>? isDeserved = null,
        PredictionOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _asked);
        try
        {
            var task = predictor.PredictAsync(PredictionInputs.Row(row), options, cancellationToken).AsTask();
            using var answer = await task.WaitAsync(Patience, CancellationToken.None).ConfigureAwait(false);
            Judge(in answer, row, isRight, isDeserved);
        }
        catch (TimeoutException)
        {
            Interlocked.Increment(ref _unanswered);
            _wrong.Enqueue($"no answer to [{string.Join(',', row)}]");
        }
        catch (Exception exception)
        {
            Judge(exception, isDeserved);
        }
    }

    public void Begin() => Interlocked.Increment(ref _asked);

    public void Judge(
        in Prediction answer, float[] row, Func<float, bool>? isRight = null, Func<PredictionError?, Exception?, bool>? isDeserved = null)
    {
        if (answer.IsOk)
        {
            var value = answer["y"].ToScalar<float>();
            if (value == row.Sum() || isRight?.Invoke(value) == true) Interlocked.Increment(ref _right);
            else Break($"{value} for [{string.Join(',', row)}]");
        }
        else if (isDeserved?.Invoke(answer.Error, null) == true)
        {
            Interlocked.Increment(ref _deserved);
        }
        else
        {
            Break($"{answer.Status} {answer.Error.Code}: {answer.Error.Message}");
        }
    }

    public void Judge(Exception exception, Func<PredictionError?, Exception?, bool>? isDeserved)
    {
        if (isDeserved?.Invoke(null, exception) == true) Interlocked.Increment(ref _deserved);
        else Break($"threw {exception.GetType().Name} at {exception.StackTrace?.Split('\n').FirstOrDefault()?.Trim()}");
    }

    public void MissedAnswer() => Interlocked.Increment(ref _unanswered);

    private void Break(string text)
    {
        Interlocked.Increment(ref _broken);
        _wrong.Enqueue(text);
    }
}
