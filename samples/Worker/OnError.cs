namespace MlServe.Samples.Worker;

/// <summary>What to do about a row that cannot be read.</summary>
internal enum OnError
{
    /// <summary>Stop; the rows before it are scored.</summary>
    Fail = 0,

    /// <summary>Say so, leave it out and go on.</summary>
    Skip,
}
