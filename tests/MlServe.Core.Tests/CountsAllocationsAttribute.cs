using Xunit.v3;

namespace MlServe.Tests;

/// <summary>
/// For tests of what the whole process allocates (<see cref="Allocations"/>). <c>eng/coverage.sh</c> leaves them out: the collector of
/// coverage is in the same process, and allocates some kilobytes many times a second.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class CountsAllocationsAttribute : Attribute, ITraitAttribute
{
    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("Counts", "Allocations")];
}
