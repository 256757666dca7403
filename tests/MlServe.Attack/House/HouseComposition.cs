namespace MlServe.Attack.House;

/// <summary>One house: a level of each factor.</summary>
internal sealed class HouseComposition(int[] levels)
{
    public IReadOnlyList<int> Levels => levels;

    /// <summary>The level of a factor.</summary>
    public string this[string factor]
    {
        get
        {
            var index = Array.FindIndex(HouseFactors.All, candidate => candidate.Name == factor);
            return index < 0
                ? throw new ArgumentException($"There is no factor '{factor}'.", nameof(factor))
                : HouseFactors.All[index].Levels[levels[index]];
        }
    }

    /// <summary>A composition of which little is said.</summary>
    public static HouseComposition Of(params (string Factor, string Level)[] said) => new([.. HouseFactors.All.Select(factor =>
        said.Where(item => item.Factor == factor.Name).Select(item => Array.IndexOf(factor.Levels, item.Level)).FirstOrDefault())]);

    /// <summary>What differs from a house of which nothing is said.</summary>
    public override string ToString() => string.Join(' ', levels
        .Select(static (level, factor) => (level, factor))
        .Where(static item => item.level > 0)
        .Select(static item => $"{HouseFactors.All[item.factor].Name}={HouseFactors.All[item.factor].Levels[item.level]}"));
}
