namespace MlServe.Attack;

/// <summary>What an attack found. Evidence that is missing is never a pass.</summary>
/// <param name="Tries">How often the promise was tried. An attack without tries could not be made.</param>
/// <param name="Text">The figures, and the first few cases in which the promise did not hold.</param>
internal sealed record AttackReport(AttackVerdict Verdict, long Tries, string Text)
{
    public static AttackReport Of(long tries, long broken, string text) =>
        new(tries == 0 ? AttackVerdict.CouldNotBeMade : broken == 0 ? AttackVerdict.Held : AttackVerdict.DidNotHold, tries, text);
}
