namespace MlServe.Quantization;

/// <summary>By which clock speed was measured.</summary>
public enum SpeedClock
{
    /// <summary>
    /// The time that the processor worked on the measuring thread: other work of the machine hardly changes it. With one thread an
    /// operator, on Linux and macOS.
    /// </summary>
    ThreadTime = 0,

    /// <summary>The time on the wall, which a busy machine stretches.</summary>
    WallClock,
}
