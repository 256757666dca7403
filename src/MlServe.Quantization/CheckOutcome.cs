namespace MlServe.Quantization;

/// <summary>The outcome of a check. Evidence that is missing is never a pass.</summary>
public enum CheckOutcome
{
    /// <summary>The values that were found are as the check asks.</summary>
    Held = 0,

    /// <summary>It was not.</summary>
    NotHeld,

    /// <summary>It cannot be told: nothing was there to compare, too few rows, or a machine too busy to measure on.</summary>
    NotMade,
}
