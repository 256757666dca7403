using System.Globalization;
using Xunit;

namespace MlServe.Quantization.RandomGraphs;

/// <summary>
/// Every rewrite on graphs that are drawn: what comes out runs and answers as the graph does. <c>eng/rewrites.sh</c> draws three thousand.
/// </summary>
public class RandomGraphTests
{
    private const int InSuite = 60;

    [Fact]
    public void EveryRewrite_RandomGraphs_RunsAndAnswersAsTheGraphDoes() => Run(1, InSuite);

    /// <summary>How many and from which seed on: the environment's MLSERVE_GRAPHS and MLSERVE_SEED.</summary>
    [Fact(Explicit = true)]
    public void EveryRewrite_ManyRandomGraphs_RunsAndAnswersAsTheGraphDoes() =>
        Run(Number("MLSERVE_SEED", 1), Number("MLSERVE_GRAPHS", 3000));

    private static void Run(int first, int count)
    {
        var (taken, rewrites, refused) = (0, 0, 0);
        var faults = new List<string>();
        for (var seed = first; seed < first + count; seed++)
        {
            var trial = new RewriteTrial(seed);
            if (!trial.Run()) continue;
            taken++;
            rewrites += trial.Rewrites;
            refused += trial.Refused;
            faults.AddRange(trial.Faults);
        }

        var text =
            $"{taken} of {count} graphs are taken by the runtime; {rewrites} rewrites, {refused} had nothing to do, {faults.Count} faults";
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Assert.True(faults.Count == 0, $"{text}\n{string.Join('\n', faults.Take(40))}");
        Assert.True(taken > count * 0.9 && rewrites > taken * 3, text);
    }

    private static int Number(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
