namespace MlServe.Attack.House;

/// <summary>A fault that is planted in the test's own code, so that the laws are seen to fail.</summary>
internal enum HouseSabotage
{
    None,

    /// <summary>Some requests are asked twice.</summary>
    CountTwice,

    /// <summary>A request is given the answer to an earlier one.</summary>
    Swap,

    /// <summary>A request is never answered.</summary>
    Lose,

    /// <summary>A caller sees another status than the one that was counted.</summary>
    Restate,

    /// <summary>Descriptors stay open.</summary>
    LeakDescriptors,

    /// <summary>Some native memory of each request stays.</summary>
    LeakNative,

    /// <summary>Some managed memory of each request stays.</summary>
    LeakManaged,

    /// <summary>Threads and timers stay.</summary>
    LeakThreads,

    /// <summary>The file of the second version holds the first.</summary>
    ServeOld,
}
