namespace MlServe.Cases;

/// <summary>A value of a case: given to a model, or expected from it.</summary>
internal abstract class CaseValue
{
    /// <summary>The value as an application gives it.</summary>
    public abstract PredictionInput ToInput(string name);

    /// <summary>The rows that lie along an axis.</summary>
    public abstract long SizeOf(int axis);

    /// <summary>One row of it, without the axis.</summary>
    public abstract CaseValue RowAt(int axis, int row);

    /// <summary>Says how an answer differs; null where it does not.</summary>
    public abstract string? DifferenceTo(PredictionOutput actual);
}
