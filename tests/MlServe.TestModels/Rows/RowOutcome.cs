namespace MlServe.TestModels;

/// <summary>What running rows alone and together showed.</summary>
public enum RowOutcome
{
    /// <summary>Each row's answers are those that it gets alone.</summary>
    Same,

    /// <summary>A row's answer is another in company.</summary>
    Differs,

    /// <summary>The rows are not run together: the runtime refuses them, or an output does not grow with them.</summary>
    NotTogether,

    /// <summary>A row is not run alone.</summary>
    NotAlone,
}
