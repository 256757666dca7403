using Microsoft.ML.OnnxRuntime;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// The most rows that the raw runtime gets through when all are there beforehand and nobody waits for a single one: a batch size, a number
/// of threads and of sessions, rows copied in and out one by one as a service must.
/// </summary>
internal sealed class OfflineLimit : IDisposable
{
    private readonly Worker[] _workers;

    private OfflineLimit(byte[] model, Shape shape, int batch, int threads, int sessions)
    {
        Description = $"batch {batch}, {threads} thread(s), {sessions} session(s)";
        _workers = [.. Enumerable.Range(0, sessions).Select(_ => new Worker(model, shape, batch, threads))];
    }

    public string Description { get; }

    /// <summary>One configuration.</summary>
    public static OfflineLimit Of(byte[] model, Shape shape, int batch, int threads, int sessions) =>
        new(model, shape, batch, threads, sessions);

    /// <summary>Finds the best configuration on this machine.</summary>
    public static OfflineLimit FindBest(byte[] model, Shape shape, params ReadOnlySpan<int> batches)
    {
        var candidates = new List<(OfflineLimit Limit, double Rate)>();
        foreach (var batch in batches)
        {
            foreach (var (threads, sessions) in (ReadOnlySpan<(int, int)>)[(1, 1), (2, 1), (1, 2), (2, 2)])
            {
                var candidate = new OfflineLimit(model, shape, batch, threads, sessions);
                candidate.Run(batch * sessions * 4);
                candidates.Add((candidate, 0));
            }
        }

        // Round by round, so that a disturbance of a moment does not fall on all trials of one.
        for (var round = 0; round < 3; round++)
        {
            foreach (ref var candidate in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(candidates))
                candidate.Rate = Math.Max(candidate.Rate, candidate.Limit.RatePerSecond(TimeSpan.FromMilliseconds(60)));
        }

        var best = candidates.MaxBy(static candidate => candidate.Rate).Limit;
        foreach (var (other, _) in candidates.Where(candidate => candidate.Limit != best))
            other.Dispose();
        return best;
    }

    public double RatePerSecond(TimeSpan duration)
    {
        var rows = _workers.Sum(static worker => worker.Batch);
        var done = 0L;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (clock.Elapsed < duration)
        {
            Run(rows * 8);
            done += rows * 8;
        }

        return done / clock.Elapsed.TotalSeconds;
    }

    /// <summary>Runs that many rows, or a few more.</summary>
    public void Run(int rows)
    {
        var each = rows / _workers.Length;
        if (_workers.Length == 1) _workers[0].Run(each);
        else Parallel.ForEach(_workers, new ParallelOptions { MaxDegreeOfParallelism = _workers.Length }, worker => worker.Run(each));
    }

    public void Dispose()
    {
        foreach (var worker in _workers)
            worker.Dispose();
    }

    /// <summary>The one input and the one output of a model, and the elements that a row has in each.</summary>
    internal sealed record Shape(string Input, long[] Row, string Output, int OutputLength)
    {
        public int InputLength => (int)Row.Aggregate(1L, static (product, size) => product * size);
    }

    private sealed class Worker : IDisposable
    {
        private readonly InferenceSession _session;
        private readonly RunOptions _options = new();
        private readonly OrtIoBinding _binding;
        private readonly OrtValue _inputValue;
        private readonly OrtValue _outputValue;
        private readonly float[] _input;
        private readonly float[] _output;
        private readonly float[][] _rows;
        private readonly float[][] _answers;

        public Worker(byte[] model, Shape shape, int batch, int threads)
        {
            Batch = batch;
            using var options = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
            _session = new(model, options);
            _input = GC.AllocateArray<float>(batch * shape.InputLength, pinned: true);
            _output = GC.AllocateArray<float>(batch * shape.OutputLength, pinned: true);
            _inputValue = OrtValue.CreateTensorValueFromMemory(_input, [batch, .. shape.Row]);
            _outputValue = OrtValue.CreateTensorValueFromMemory(_output, [batch, shape.OutputLength]);
            _binding = _session.CreateIoBinding();
            _binding.BindInput(shape.Input, _inputValue);
            _binding.BindOutput(shape.Output, _outputValue);
            var random = new Random(3);
            _rows = [.. Enumerable.Range(0, batch)
                .Select(_ => Enumerable.Range(0, shape.InputLength).Select(_ => random.NextSingle()).ToArray())];
            _answers = [.. Enumerable.Range(0, batch).Select(_ => new float[shape.OutputLength])];
        }

        public int Batch { get; }

        public void Run(int rows)
        {
            for (var done = 0; done < rows; done += Batch)
            {
                for (var i = 0; i < Batch; i++)
                    _rows[i].CopyTo(_input.AsSpan(i * _rows[i].Length));
                _session.RunWithBinding(_options, _binding);
                for (var i = 0; i < Batch; i++)
                    _output.AsSpan(i * _answers[i].Length, _answers[i].Length).CopyTo(_answers[i]);
            }
        }

        public void Dispose()
        {
            _binding.Dispose();
            _inputValue.Dispose();
            _outputValue.Dispose();
            _options.Dispose();
            _session.Dispose();
        }
    }
}
