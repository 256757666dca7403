using System.Runtime.ExceptionServices;

namespace MlServe.Threading;

/// <summary>The end of an exception of somebody else's code on a thread that others need.</summary>
internal static class Unhandled
{
    /// <summary>Throws it on the thread pool, as if the pool had run that code; this thread goes on.</summary>
    public static void Throw(Exception exception) =>
        ThreadPool.UnsafeQueueUserWorkItem(static thrown => thrown.Throw(), ExceptionDispatchInfo.Capture(exception), preferLocal: false);
}
