using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlServe.Caching;
using MlServe.Onnx;

namespace MlServe.ChildProcess;

/// <summary>Asks for answers of which a bounded heap holds one and no copy, and for small ones. The model repeats a number.</summary>
internal static class ShortOfMemory
{
    /// <summary>The numbers of an answer that takes more than half of the heap.</summary>
    private const int Many = 50_000_000;

    public static async Task RunAsync(string model)
    {
        var services = new ServiceCollection().AddSingleton<ILoggerFactory, ConsoleLog>().BuildServiceProvider();
        await using var _ = services.ConfigureAwait(false);
        var predictor = new PredictorBuilder(OnnxPredictor.Load(model))
            .UseCache(static cache => (cache.SizeLimit, cache.SwitchOffWhenUseless) = (1L << 30, false))
            .Build(services);
        await using var __ = predictor.ConfigureAwait(false);
        foreach (var (fact, value, length) in new[] { ("many", 1f, Many), ("again", 1f, Many), ("few", 2f, 8), ("kept", 2f, 8) })
            Console.WriteLine($"{fact}={await AskAsync(predictor, value, length).ConfigureAwait(false)}");
        Console.WriteLine($"entries={predictor.GetService<CacheStatistics>()!.Entries}");
    }
    /// <summary>In a frame of its own, which holds no answer any more when the next one is asked for.</summary>
    private static async Task<string> AskAsync(IPredictor predictor, float value, int length)
    {
        var inputs = PredictionInputs.Rows(
            PredictionInput.Tensor("x", new[] { value }, [1]), PredictionInput.Tensor("times", new long[] { length }, [1]));
        using var answer = await predictor.PredictAsync(inputs).ConfigureAwait(false);
        return answer.IsOk ? $"{answer.Origin.Source}, {answer[0].AsSpan<float>().Count(value)}" : answer.Error.Message;
    }
}
