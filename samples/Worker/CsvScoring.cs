using System.Globalization;
using System.Numerics.Tensors;
using System.Threading.Channels;
using Sylvan.Data.Csv;

namespace MlServe.Samples.Worker;

/// <summary>
/// Scores a CSV file: one task reads rows, another scores and writes them, and a few batches go round between the two, so that memory stays
/// the same however long the file is.
/// </summary>
internal sealed class CsvScoring(IPredictor predictor, ScoringOptions options)
{
    private const int Batches = 4;
    private const string Header = "line,digit,confidence";
    private const long HeaderLine = 1;

    private long _skipped;

    /// <summary>
    /// Runs until the file is scored, or cancelled: then what has been read is still scored and written, for the next run to go on from.
    /// </summary>
    /// <exception cref="BadRowException">A row cannot be read, and the options say to stop there.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled before the end of the
    /// file.</exception>
    /// <exception cref="PredictionException">The model gave no answer.</exception>
    public async Task<ScoringProgress> RunAsync(
        Action<ScoringProgress>? report = null, Action<string>? warn = null, CancellationToken cancellationToken = default)
    {
        var free = Channel.CreateBounded<RowBatch>(Batches);
        var full = Channel.CreateBounded<RowBatch>(Batches);
        for (var i = 0; i < Batches; i++)
            free.Writer.TryWrite(new(options.BatchRows));

        _skipped = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var lastLine = options.Resume ? LastLineOf(options.Partial) : 0;
        ScoringProgress progress;
        await using (var writer = new StreamWriter(options.Partial, append: lastLine > 0))
        {
            if (lastLine == 0) await writer.WriteLineAsync(Header);
            var reading = Task.Run(() => ReadAsync(free.Reader, full.Writer, lastLine, warn, stop.Token), CancellationToken.None);
            try
            {
                progress = await ScoreAsync(full.Reader, free.Writer, writer, report);
            }
            finally
            {
                await stop.CancelAsync();
                await reading;
            }
        }

        File.Move(options.Partial, options.Output, overwrite: true);
        return progress;
    }

    private async Task ReadAsync(
        ChannelReader<RowBatch> free, ChannelWriter<RowBatch> full, long lastLine, Action<string>? warn,
        CancellationToken cancellationToken)
    {
        RowBatch? batch = null;
        Exception? failure = null;
        var done = 0.0;
        try
        {
            await using var file = new FileStream(
                options.Input, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
            using var text = new StreamReader(file);
            await using var csv = await CsvDataReader.CreateAsync(
                text, new CsvDataReaderOptions { BufferSize = 1 << 16 }, cancellationToken);
            var isLabelled = csv.FieldCount > 0 && csv.GetName(0) == "label";
            if (csv.FieldCount != RowBatch.Pixels + (isLabelled ? 1 : 0))
            {
                throw new BadRowException(
                    $"{options.Input} has {csv.FieldCount} columns. It must begin with a line of names, for 'label' (which may be left "
                    + "out) and 784 pixels.");
            }

            for (var line = HeaderLine + 1; await csv.ReadAsync(cancellationToken); line++)
            {
                if (line <= lastLine) continue;
                if (batch is null)
                {
                    batch = await free.ReadAsync(cancellationToken);
                    batch.Clear();
                }

                if (batch.Add(csv, line, isLabelled) is { } problem)
                {
                    var where = $"{options.Input}, line {line}: {problem}.";
                    if (options.OnError == OnError.Fail)
                        throw new BadRowException(
                            $"{where} Correct it and go on with --resume, or leave such rows out with --on-error skip.");
                    Interlocked.Increment(ref _skipped);
                    warn?.Invoke($"left out: {where}");
                }

                if (!batch.IsFull) continue;
                batch.Progress = done = (double)file.Position / file.Length;
                await full.WriteAsync(batch, cancellationToken);
                batch = null;
            }
        }
#pragma warning disable CA1031 // It is thrown again where the channel is read, after the rows that came before.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = exception;
        }

        // There are as many places in the channel as batches, so this one always finds room.
        if (batch is { Count: > 0 })
        {
            batch.Progress = failure is null ? 1 : done;
            full.TryWrite(batch);
        }

        full.Complete(failure);
    }

    private async Task<ScoringProgress> ScoreAsync(
        ChannelReader<RowBatch> full, ChannelWriter<RowBatch> free, StreamWriter writer, Action<ScoringProgress>? report)
    {
        var progress = default(ScoringProgress);
        await foreach (var batch in full.ReadAllAsync())
        {
            using (var prediction = (await predictor.PredictAsync(batch.Inputs)).EnsureOk())
                progress = Write(batch, prediction, writer, progress);
            await writer.FlushAsync();
            progress = progress with { Done = batch.Progress, Skipped = Interlocked.Read(ref _skipped) };
            report?.Invoke(progress);
            free.TryWrite(batch);
        }

        return progress with { Done = 1, Skipped = Interlocked.Read(ref _skipped) };
    }

    private static ScoringProgress Write(RowBatch batch, Prediction prediction, StreamWriter writer, ScoringProgress progress)
    {
        var scores = prediction["scores"].AsSpan<float>();
        var digits = scores.Length / batch.Count;
        for (var row = 0; row < batch.Count; row++)
        {
            var own = scores.Slice(row * digits, digits);
            var digit = TensorPrimitives.IndexOfMax(own);
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{batch.LineOf(row)},{digit},{own[digit]:0.0000}"));
            var label = batch.LabelOf(row);
            progress = progress with
            {
                Rows = progress.Rows + 1,
                Labelled = progress.Labelled + (label >= 0 ? 1 : 0),
                Right = progress.Right + (label == digit ? 1 : 0),
            };
        }

        return progress;
    }

    /// <summary>
    /// The line of the input that the last answer belongs to; 0 where there is nothing to go on from. Cuts off an answer that was not
    /// finished.
    /// </summary>
    private static long LastLineOf(string partial)
    {
        if (!File.Exists(partial)) return 0;
        using var file = new FileStream(partial, FileMode.Open, FileAccess.ReadWrite);
        var tail = new byte[Math.Min(file.Length, 256)];
        file.Seek(-tail.Length, SeekOrigin.End);
        file.ReadExactly(tail);
        var end = tail.AsSpan().LastIndexOf((byte)'\n') + 1;
        if (end == 0) return 0;
        file.SetLength(file.Length - tail.Length + end);
        var start = tail.AsSpan(0, end - 1).LastIndexOf((byte)'\n') + 1;
        var comma = tail.AsSpan(start).IndexOf((byte)',');
        return long.TryParse(tail.AsSpan(start, comma), NumberStyles.None, CultureInfo.InvariantCulture, out var line) ? line : HeaderLine;
    }
}
