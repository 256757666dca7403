namespace MlServe;

/// <summary>
/// Whether eng/mutation.sh runs the tests. Code that carries every mutant at once has larger stack frames and is slower: tests of the stack end the
/// process, and long fuzzing outlasts Stryker's patience.
/// </summary>
public static class MutationRun
{
    public const string Reason = "Code under mutation has larger stack frames and runs slower.";

    public static bool IsOn => Environment.GetEnvironmentVariable("MLSERVE_MUTATION_RUN") == "1";
}
