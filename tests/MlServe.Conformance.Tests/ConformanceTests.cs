using System.Globalization;
using MlServe.Cases;
using Xunit;

namespace MlServe;

/// <summary>
/// The ONNX project's own backend tests: what the runtime's C# API gets right must come out the same here, and what it does not must end in
/// a clear error. The exceptions stand in Exceptions.tsv, a list that only shrinks.
/// </summary>
public class ConformanceTests
{
    [Theory]
    [InlineData("node", 1245)]
    [InlineData("simple", 15)]
    [InlineData("pytorch-converted", 60)]
    [InlineData("pytorch-operator", 20)]
    [InlineData("light", 5)]
    public async Task Suite_ThroughThePredictor_ComesOutAsThroughTheRuntime(string suite, int count)
    {
        var exceptions = ConformanceCases.ReadExceptions();
        var failures = new List<string>();
        var seen = 0;
        var expected = 0;
        var right = 0;
        var refused = 0;
        var wrong = 0;
        var excepted = 0;
        foreach (var test in ConformanceCases.Read(suite))
        {
            var outcome = await CaseRunner.RunAsync(test);
            var isExpected = test.RuntimeResult == "pass";
            var isRight = outcome.Kind == CaseOutcomeKind.Right;
            seen++;
            expected += isExpected ? 1 : 0;
            right += isExpected && isRight ? 1 : 0;
            refused += outcome.Kind == CaseOutcomeKind.Refused ? 1 : 0;
            wrong += outcome.Kind == CaseOutcomeKind.Wrong && !isExpected ? 1 : 0;

            if (exceptions.ContainsKey($"{suite}/{test.Name}"))
            {
                excepted++;
                if (IsAsGood(test, outcome)) failures.Add($"{test.Name} is right now: take it from Exceptions.tsv.");
            }
            else if (!IsAsGood(test, outcome))
            {
                failures.Add($"{test.Name} (the runtime: {test.RuntimeResult}): {outcome.Kind} {outcome.Detail}");
            }
        }

        var summary = string.Create(CultureInfo.InvariantCulture,
            $"conformance {suite}: {right:N0} of {expected:N0} right, {refused:N0} refused clearly, {wrong} wrong as in the runtime, "
                + $"{excepted} exceptions");
        TestContext.Current.TestOutputHelper?.WriteLine(summary);
        Console.WriteLine(summary);
        Assert.Equal(count, seen);
        Assert.True(failures.Count == 0, $"{failures.Count} failures:\n{string.Join('\n', failures)}");
    }

    private static bool IsAsGood(ConformanceCase test, CaseOutcome outcome) => outcome.Kind switch
    {
        CaseOutcomeKind.Right => true,
        CaseOutcomeKind.Refused => test.RuntimeResult != "pass",
        CaseOutcomeKind.Wrong => test.RuntimeResult == "mismatch",
        _ => false,
    };
}
