namespace MlServe.Attack.Mutations;

/// <summary>The mutations of a corpus by number: the same number and seed are the same bytes.</summary>
internal sealed class Mutation(int seed, IReadOnlyList<byte[]> corpus)
{
    public byte[] Make(int number)
    {
        var random = new Random(HashCode(seed, number));
        var model = corpus[random.Next(corpus.Count)];
        return Mutator.Mutate(model, corpus, random);
    }

    // Not that of .NET, which differs from process to process.
    private static int HashCode(int seed, int number) =>
        unchecked((int)(((((uint)seed * 0x9E3779B1) ^ (uint)number) * 0x85EBCA77) ^ ((uint)number >> 13)));
}
