using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using MlServe.Onnx;
using MlServe.Onnx.Verification;
using MlServe.Quantization.Evaluation;

namespace MlServe.Attack.Mutations;

/// <summary>
/// A host that verifies: each mutation is loaded with <see cref="ModelVerification.InChildProcess"/>, and asked a few times where it loads.
/// What verifies takes many models a process here (<see cref="MutationWorker"/>), so that thousands can be tried; what the host does with
/// the verdict is what it always does.
/// </summary>
internal static class MutationHost
{
    public const string Argument = "--mutation-host";

    private const int Requests = 3;

    public static async Task<int> RunAsync(int seed, string? cases, string tool)
    {
        MutationWorker.BindMemory();
        var mutations = new Mutation(seed, Corpus.Load(cases));
        using var worker = new LineChannel(MutationWorker.Argument, seed.ToString(CultureInfo.InvariantCulture), cases ?? "");
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            var parts = line.Split(' ');
            var number = int.Parse(parts[0], CultureInfo.InvariantCulture);
            var model = mutations.Make(number);
            var options = new OnnxModelOptions { Verify = ModelVerification.InChildProcess, WarmUpRuns = 1 };
            options.Verification.ToolPath = tool;
            options.Verification.Timeout = TimeSpan.FromSeconds(30);
            var crash = "";

            // A sample goes the whole way: a process for each model.
            if (parts.Length == 1) crash = await VerifyAsync(worker, number, model, options).ConfigureAwait(false);
            Console.WriteLine(
                $"{(crash.Length > 0 ? "crashed " : "")}{await LoadAsync(model, options, number).ConfigureAwait(false)} {crash}");
        }

        return 0;
    }

    /// <summary>Lets the worker try the model, and keeps its verdict as that of the tool.</summary>
    /// <returns>How the worker died of it; empty where it did not.</returns>
    private static async Task<string> VerifyAsync(LineChannel worker, int number, byte[] model, OnnxModelOptions options)
    {
        var (answer, end) = await worker.AskAsync(number.ToString(CultureInfo.InvariantCulture)).ConfigureAwait(false);
        if (answer is not null
            && (answer.StartsWith(nameof(ModelLoadFailure.TimedOut), StringComparison.Ordinal)
                || answer.StartsWith(nameof(ModelLoadFailure.NotVerified), StringComparison.Ordinal)))
            await worker.EndAsync().ConfigureAwait(false);
        var verdict = answer switch
        {
            null => new CheckVerdict(ModelLoadFailure.VerificationFailed, end),
            "loaded" => new CheckVerdict(null, ""),
            _ when Enum.TryParse<ModelLoadFailure>(answer[..answer.IndexOf(' ', StringComparison.Ordinal)], out var failure) =>
                new CheckVerdict(failure, answer),
            _ => throw new JsonException(answer),
        };
        var tool = await CheckTool.FindAsync(options.Verification.ToolPath, CancellationToken.None).ConfigureAwait(false);
        var digest = Convert.ToHexStringLower(SHA256.HashData(model));
        VerdictStore.Keep(
            VerdictStore.KeyOf(digest, tool.Versions, ModelVerifier.RequestOf(new(model, "memory"), options, "default")), verdict, null);
        return answer is null ? end : "";
    }

    private static async Task<string> LoadAsync(byte[] model, OnnxModelOptions options, int number)
    {
        try
        {
            await using var predictor = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(model), options).ConfigureAwait(false);
            var rows = new SampleRows(predictor.Signature, number);
            for (var i = 0; i < Requests; i++)
            {
                if (rows.Next(8, 8) is not { } row) continue;
                using var prediction = await predictor.PredictAsync(row).ConfigureAwait(false);
            }

            return "loaded";
        }
        catch (ModelLoadException exception)
        {
            return exception.Failure.ToString();
        }
    }
}
