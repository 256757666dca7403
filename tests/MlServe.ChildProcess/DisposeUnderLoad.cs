using MlServe.Onnx;

namespace MlServe.ChildProcess;

/// <summary>
/// Disposes a model while many callers use it, again and again: running a closed session would end the process without an exception.
/// </summary>
internal static class DisposeUnderLoad
{
    private const int Callers = 16;

    public static async Task RunAsync(string model, int rounds)
    {
        long answered = 0, refused = 0, other = 0;
        var gate = new RunGate(2);
        for (var round = 0; round < rounds; round++)
        {
            var predictor = OnnxPredictor.Load(model, new() { WarmUpRuns = 1 }, new() { RunGate = gate });
            var going = new CountdownEvent(Callers);
            var callers = new Task[Callers];
            for (var caller = 0; caller < Callers; caller++)
            {
                callers[caller] = Task.Run(async () =>
                {
                    var inputs = PredictionInputs.Row(new float[] { 1, 2, 3, 4 });
                    var isFirst = true;
                    while (true)
                    {
                        try
                        {
                            using var prediction = await predictor.PredictAsync(inputs).ConfigureAwait(false);
                            if (prediction.IsOk && prediction[0].AsSpan<float>()[3] == 9) Interlocked.Increment(ref answered);
                            else Interlocked.Increment(ref other);
                        }
                        catch (ObjectDisposedException)
                        {
                            Interlocked.Increment(ref refused);
                            return;
                        }
                        finally
                        {
                            if (isFirst) going.Signal();
                            isFirst = false;
                        }
                    }
                });
            }

            going.Wait();
            if (round % 2 == 0) predictor.Dispose();
            else await predictor.DisposeAsync().ConfigureAwait(false);
            await Task.WhenAll(callers).ConfigureAwait(false);
            going.Dispose();
        }

        Console.WriteLine($"answered={(answered > 0 ? "some" : "none")}");
        Console.WriteLine($"refused={refused}");
        Console.WriteLine($"other={other}");
    }
}
