namespace MlServe.Tests;

/// <summary>For tests that look at the whole process: what it allocates, what it counts.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "Alone";
}
