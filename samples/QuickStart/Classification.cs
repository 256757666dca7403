using System.Diagnostics;
using Spectre.Console;

namespace MlServe.Samples.QuickStart;

/// <summary>What came of reading all images.</summary>
internal sealed class Classification
{
    private readonly double[] _microseconds;

    private Classification(Digit[] answers, double accuracy, double[] microseconds, TimeSpan elapsed)
    {
        Answers = answers;
        Accuracy = accuracy;
        PerSecond = answers.Length / elapsed.TotalSeconds;
        Array.Sort(microseconds);
        _microseconds = microseconds;
    }

    public IReadOnlyList<Digit> Answers { get; }

    public double Accuracy { get; }

    public double PerSecond { get; }

    public double AccuracyOfFirst(MnistTestSet images, int count) =>
        Enumerable.Range(0, count).Count(i => Answers[i].Value == images.LabelOf(i)) / (double)count;

    /// <summary>Latency as a caller sees it, in microseconds.</summary>
    public double Percentile(double share) => _microseconds[Math.Min(_microseconds.Length - 1, (int)(share * _microseconds.Length))];

    /// <summary>Reads every image once, from many callers at the same time.</summary>
    public static async Task<Classification> RunAsync(IPredictor<DigitImage, Digit> digits, MnistTestSet images, int callers)
    {
        var answers = new Digit[images.Count];
        var microseconds = new double[images.Count];
        var next = -1;
        var right = 0;

        async Task CallAsync()
        {
            for (int i; (i = Interlocked.Increment(ref next)) < images.Count;)
            {
                var started = Stopwatch.GetTimestamp();
                answers[i] = await digits.PredictAsync(images[i]);
                microseconds[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
                if (answers[i].Value == images.LabelOf(i)) Interlocked.Increment(ref right);
            }
        }

        var clock = Stopwatch.StartNew();
        var all = Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(CallAsync)));
        await ShowProgressAsync(all, images.Count, () => Math.Min(Volatile.Read(ref next), images.Count));
        await all;
        return new(answers, (double)right / images.Count, microseconds, clock.Elapsed);
    }

    private static async Task ShowProgressAsync(Task all, int total, Func<int> done)
    {
        // A bar is for people: nothing moves in a file or a pipe.
        if (Console.IsOutputRedirected) return;
        await AnsiConsole.Progress().StartAsync(async context =>
        {
            var bar = context.AddTask("reading digits", maxValue: total);
            while (!all.IsCompleted)
            {
                bar.Value = done();
                await Task.WhenAny(all, Task.Delay(50));
            }

            bar.Value = total;
        });
    }
}
