using System.CommandLine;

namespace MlServe.Benchmarks.Load;

public class LoadCommandTests
{
    [Theory]
    [InlineData("--sla", "10", "10ms")]
    [InlineData("--sla", "-1ms", "10ms")]
    [InlineData("--sla", "2h", "10ms")]
    [InlineData("--peak-rps", "0", "more than 0")]
    [InlineData("--peak-rps", "NaN", "more than 0")]
    [InlineData("--peak-rps", "x", "'x'")]
    [InlineData("--seconds", "0", "1 to 86400")]
    [InlineData("--confidence", "1", "less than 1")]
    [InlineData("--max-lag", "0", "more than 0")]
    public void Parse_ValueOutOfRange_SaysWhatItTakes(string option, string value, string expected)
    {
        var parsed = LoadCommand.Create().Parse(["peak", option, value]);

        Assert.Contains(expected, Assert.Single(parsed.Errors).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10ms", 10_000)]
    [InlineData("1.5s", 1_500_000)]
    [InlineData("800us", 800)]
    [InlineData("0.25MS", 250)]
    public void TryParse_TimeWithItsUnit_IsRead(string text, double microseconds)
    {
        Assert.True(Durations.TryParse(text, out var time));
        Assert.Equal(microseconds, time.TotalMicroseconds, 6);
    }

    [Theory]
    [MemberData(nameof(WrongUses))]
    public async Task RunAsync_WhatCannotBeDone_SaysWhatToDo(string scenario, LoadRequestOptionsCase use, string expected)
    {
        using var progress = new LoadProgress(null);

        var exception = await Assert.ThrowsAsync<LoadException>(() =>
            LoadTest.RunAsync(
                scenario, use.Options, progress,
                Spectre.Console.AnsiConsole.Create(new() { Out = new Spectre.Console.AnsiConsoleOutput(TextWriter.Null) }),
                CancellationToken.None));

        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, LoadRequestOptionsCase, string> WrongUses => new()
    {
        { "peak", new(new()), "Give --peak-rps" },
        { "burst", new(new()), "Give --peak-rps" },
        { "peak", new(new() { PeakRps = 10, Seconds = 2 }), "too few" },
        { "single", new(new() { Model = new("absent.onnx") }), "no file" },
        { "single", new(new() { Model = new("a.onnx"), Settings = new("b.json") }), "Give one of them" },
        { "single", new(new() { Name = "digits" }), "Give --settings" },
        { "single", new(new() { Settings = new("absent.json") }), "no file" },
        { "single", new(new() { Settings = new("a.json"), UseBatching = false }), "Set UseBatching there" },
        { "single", new(new() { Dimensions = ["x"] }), "--dim" },
    };

    /// <summary>A case that a test's name can hold.</summary>
    public sealed class LoadRequestOptionsCase
    {
        internal LoadRequestOptionsCase(LoadRequestOptions options) => Options = options;

        internal LoadRequestOptions Options { get; }
    }
}
