namespace MlServe.Quantization;

/// <summary>One demand of the gate, and the value that was found.</summary>
/// <param name="Name">The demand: "speed", "agreement of 'scores'" and so on.</param>
/// <param name="Outcome">The outcome.</param>
/// <param name="Text">The measured value and the demanded one, for a person.</param>
public sealed record GateCheck(string Name, CheckOutcome Outcome, string Text)
{
    /// <summary>Whether it is fulfilled. A demand that could not be judged is not.</summary>
    public bool Passed => Outcome == CheckOutcome.Held;

    /// <summary>Whether it was not made for want of rows, which no other candidate gives.</summary>
    internal bool IsForWantOfRows { get; init; }
}
