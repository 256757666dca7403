using System.Globalization;
using System.Runtime.InteropServices;
using MlServe.Onnx;

namespace MlServe.Attack.Mutations;

/// <summary>
/// Loads mutations one after the other, in a process that may die of one: as a host without verification, and as what verifies for one that
/// has it. Reads numbers, answers each with how the load ended.
/// </summary>
internal static partial class MutationWorker
{
    public const string Argument = "--mutation-worker";

    private const ulong MaxMemory = 4UL << 30;
    private static readonly TimeSpan LoadTimeout = TimeSpan.FromSeconds(2);

    public static async Task<int> RunAsync(int seed, string? cases)
    {
        BindMemory();
        var mutations = new Mutation(seed, Corpus.Load(cases));
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            var model = mutations.Make(int.Parse(line, CultureInfo.InvariantCulture));
            Console.WriteLine(await LoadAsync(model).ConfigureAwait(false));

            // Two threads that never return are what one process bears.
            if (AbandonedCalls.Count >= AbandonedCalls.Limit) return 3;
        }

        return 0;
    }

    private static async Task<string> LoadAsync(byte[] model)
    {
        try
        {
            await using var predictor = await OnnxPredictor.LoadAsync(
                ModelSource.FromBytes(model), new() { LoadTimeout = LoadTimeout, WarmUpRuns = 1 },
                new() { IsCheck = true }).ConfigureAwait(false);
            return "loaded";
        }
        catch (ModelLoadException exception)
        {
            return $"{exception.Failure} {exception.Message.ReplaceLineEndings(" ")}";
        }
        catch (OutOfMemoryException exception)
        {
            return $"{nameof(ModelLoadFailure.VerificationFailed)} {exception.Message}";
        }
    }

    /// <summary>A model that asks for all memory must not take that of others on the machine.</summary>
    public static void BindMemory()
    {
        const int Data = 2, CoreFile = 4;
        if (!OperatingSystem.IsLinux()) return;
        _ = SetLimit(Data, [MaxMemory, MaxMemory]);
        _ = SetLimit(CoreFile, [0, 0]);
    }

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, ulong[] limit);
}
