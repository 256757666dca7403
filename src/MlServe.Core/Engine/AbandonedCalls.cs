namespace MlServe;

/// <summary>
/// Threads of the process that are in a native call which was given up because it did not return. Nothing can end them; so that they do not
/// add up, models that were not verified are refused from a number on.
/// </summary>
internal static class AbandonedCalls
{
    /// <summary>From how many on.</summary>
    public const int Limit = 2;

    private static int _count;

    public static int Count => Volatile.Read(ref _count);

    public static int Add() => Interlocked.Increment(ref _count);

    /// <summary>One has returned after all.</summary>
    public static int Remove() => Interlocked.Decrement(ref _count);
}
