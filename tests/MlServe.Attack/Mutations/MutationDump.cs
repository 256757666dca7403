namespace MlServe.Attack.Mutations;

/// <summary>Writes a mutation to a file, to look at what it does.</summary>
internal static class MutationDump
{
    public const string Argument = "--mutation-dump";

    public static void Write(int seed, int number, string file) =>
        File.WriteAllBytes(file, new Mutation(seed, Corpus.Load(null)).Make(number));
}
