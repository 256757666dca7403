namespace MlServe.Attack;

/// <summary>What an attack found. Evidence that is missing is never a pass.</summary>
/// <param name="Tries">How often the promise was tried. An attack without tries could not be made.</param>
/// <param name="Text">The figures, and the first few cases in which the promise did not hold.</param>
/// <param name="Cases">How many cases of the folder were taken.</param>
internal sealed record AttackReport(AttackVerdict Verdict, long Tries, string Text, int Cases = 0)
{
    /// <summary>A promise that was seen broken did not hold, however little else was tried.</summary>
    public static AttackReport Of(long tries, long broken, string text) =>
        new(broken > 0 ? AttackVerdict.DidNotHold : tries == 0 ? AttackVerdict.CouldNotBeMade : AttackVerdict.Held, tries, text);

    public static AttackReport CouldNotBeMade(string why) => new(AttackVerdict.CouldNotBeMade, 0, why);

    /// <summary>The same, but no pass where evidence is missing that it needs.</summary>
    /// <param name="isThere">Whether it is there.</param>
    /// <param name="missing">What is said where it is not.</param>
    public AttackReport Requiring(bool isThere, string missing) => isThere
        ? this
        : this with
        {
            Verdict = Verdict == AttackVerdict.Held ? AttackVerdict.CouldNotBeMade : Verdict,
            Text = $"{Text}{Environment.NewLine}{missing}",
        };
}
