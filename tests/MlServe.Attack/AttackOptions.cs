namespace MlServe.Attack;

/// <param name="Seed">Everything that is drawn is drawn from this seed.</param>
/// <param name="IsShort">The form that CI runs: a few seconds an attack.</param>
/// <param name="Time">How long an attack that has no natural end goes on.</param>
/// <param name="Cases">A folder of further cases (models, inputs), or null. What an attack takes from it, its own documentation
/// says.</param>
/// <param name="Case">The one composition of the house to try, or null.</param>
/// <param name="Csv">The file to which the house writes what the process holds, or null.</param>
internal sealed record AttackOptions(int Seed, bool IsShort, TimeSpan Time, string? Cases, int? Case = null, string? Csv = null);
