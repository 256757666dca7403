namespace MlServe.Attack.House;

/// <summary>One thing that may differ between compositions.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Levels">What it may be; the first is what stands when nothing is said.</param>
internal sealed record HouseFactor(string Name, params string[] Levels);
