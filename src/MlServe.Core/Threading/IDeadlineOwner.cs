namespace MlServe.Threading;

/// <summary>Whose requests a <see cref="DeadlineAlarm"/> ends.</summary>
internal interface IDeadlineOwner
{
    /// <summary>
    /// The time of a request is over. Called once at most for each time the alarm is started, and never before the deadline. A request that
    /// ends at the same moment may be followed by the next one before this is called. So an owner that serves many looks at the turn.
    /// Short, and calls nobody else's code.
    /// </summary>
    /// <param name="turn">Whose time it is, as <see cref="DeadlineAlarm.Start"/> was told.</param>
    void Expire(int turn);
}
