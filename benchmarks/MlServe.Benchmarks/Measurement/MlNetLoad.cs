using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// ML.NET under load, in one of the ways in which it can be used: engines from a pool on some threads, or data views of many rows.
/// </summary>
internal sealed class MlNetLoad : IDisposable
{
    private const int Rows = 512;
    private static readonly TimeSpan Trial = TimeSpan.FromMilliseconds(60);

    private readonly MlNetModel _model;
    private readonly OfflineLimit.Shape _shape;
    private readonly MlNetRow[] _rows;
    private readonly int _threads;
    private readonly int _viewRows;
    private readonly IDataView? _view;

    private MlNetLoad(string path, OfflineLimit.Shape shape, MlNetSession session, int threads, int viewRows)
    {
        _model = new(path, shape, session);
        _shape = shape;
        (_threads, _viewRows) = (threads, viewRows);
        var random = new Random(6);
        _rows = [.. Enumerable.Range(0, Rows)
            .Select(_ => new MlNetRow { Values = [.. Enumerable.Range(0, shape.InputLength).Select(_ => random.NextSingle())] })];
        if (viewRows > 0) _view = _model.View(_rows[..viewRows]);
    }

    public string Description =>
        (_viewRows == 0 ? "pooled PredictionEngines" : string.Create(CultureInfo.InvariantCulture, $"Transform of {_viewRows} rows"))
        + string.Create(CultureInfo.InvariantCulture, $" on {_threads} thread(s), {_model.Session}");

    /// <summary>What was tried.</summary>
    public string Tried { get; private set; } = "";

    public double RatePerSecond { get; private set; }

    /// <summary>Finds what gives most rows a second to many callers.</summary>
    public static MlNetLoad FindBest(string path, OfflineLimit.Shape shape) =>
        FindBest(path, shape, [(1, 0), (2, 0), (4, 0), (8, 0), (1, 64), (2, 64), (1, Rows), (2, Rows)]);

    /// <summary>Finds what answers one caller soonest.</summary>
    public static MlNetLoad FindBestOfOneCaller(string path, OfflineLimit.Shape shape) => FindBest(path, shape, [(1, 0)]);

    /// <summary>Runs that many rows, or a few more.</summary>
    public void Run(int rows)
    {
        if (_threads == 1)
        {
            RunPart(rows, 0);
            return;
        }

        var each = Math.Max(1, rows / _threads);
        var threads = new Thread[_threads];
        for (var i = 0; i < threads.Length; i++)
        {
            var part = i;
            threads[i] = new(() => RunPart(each, part)) { IsBackground = true };
            threads[i].Start();
        }

        foreach (var thread in threads)
            thread.Join();
    }

    /// <exception cref="InvalidOperationException">ML.NET answers otherwise than a predictor.</exception>
    public void RequireSameAnswers(IPredictor predictor)
    {
        var answer = new MlNetAnswer();
        foreach (var row in _rows.AsSpan(0, 16))
        {
            _model.Predict(1, row, answer);
            using var prediction = predictor.PredictAsync(PredictionInputs.Row(row.Values)).AsTask().GetAwaiter().GetResult();
            var ours = prediction[_shape.Output].AsSpan<float>();
            for (var i = 0; i < _shape.OutputLength; i++)
            {
                if (!(Math.Abs(ours[i] - answer.Values[i]) <= 1e-4f * Math.Max(1, Math.Abs(ours[i]))))
                    throw new InvalidOperationException(FormattableString.Invariant(
                        $"ML.NET answers {answer.Values[i]} where MlServe answers {ours[i]}."));
            }
        }
    }

    public void Dispose() => _model.Dispose();

    private static MlNetLoad FindBest(string path, OfflineLimit.Shape shape, (int Threads, int ViewRows)[] uses)
    {
        MlNetLoad[] candidates =
            [.. MlNetSession.All.SelectMany(session => uses.Select(use => new MlNetLoad(path, shape, session, use.Threads, use.ViewRows)))];
        foreach (var candidate in candidates)
            candidate.Run(Rows);
        for (var round = 0; round < 3; round++)
        {
            foreach (var candidate in candidates)
                candidate.RatePerSecond = Math.Max(candidate.RatePerSecond, candidate.Measure());
        }

        var best = candidates.MaxBy(static candidate => candidate.RatePerSecond)!;
        foreach (var other in candidates.Where(candidate => candidate != best))
            other.Dispose();
        best.Tried = FormattableString.Invariant($"{MlNetSession.All.Length} session settings x {uses.Length} uses");
        return best;
    }

    private double Measure()
    {
        // Threads are started for each run, so a run has to be long beside that.
        var rows = Rows * 2 * _threads;
        var done = 0L;
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < Trial)
        {
            Run(rows);
            done += rows;
        }

        return done / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private void RunPart(int rows, int part)
    {
        if (_view is null)
        {
            var answer = new MlNetAnswer();
            for (var i = 0; i < rows; i++)
                _model.Predict(1, _rows[(part + i) % Rows], answer);
            return;
        }

        var values = new float[_shape.OutputLength];
        for (var done = 0; done < rows; done += _viewRows)
            _model.Transform(_view, values);
    }
}
