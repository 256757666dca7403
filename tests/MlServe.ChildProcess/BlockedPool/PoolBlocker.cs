namespace MlServe.ChildProcess.BlockedPool;

/// <summary>
/// Goes each way of a request while every thread of the pool is blocked from before there can be an answer until all have theirs. Prints
/// what came of it.
/// </summary>
internal static class PoolBlocker
{
    private static readonly int Threads = Environment.ProcessorCount;

    public static int Run(string folder, string only)
    {
        if (!ThreadPool.SetMinThreads(Threads, 1) || !ThreadPool.SetMaxThreads(Threads, 1))
            throw new InvalidOperationException("The pool cannot be bounded.");
        using var models = new Models(folder);
        foreach (var way in models.Ways())
        {
            if (only.Length == 0 || only == way.Name) Console.WriteLine($"{way.Name}={Go(way)}");
        }

        return 0;
    }

    private static string Go(Way way)
    {
        var answers = new string[Threads];
        var threads = new Thread[Threads];
        var isBlocked = true;
        var inside = new CountdownEvent(Threads);
        var answered = new CountdownEvent(Threads);
        for (var i = 0; i < Threads; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                i =>
                {
                    threads[i] = Thread.CurrentThread;
                    inside.Signal();
                    answers[i] = Answers.Of(() => way.Ask(i));
                    answered.Signal();
                    answered.Wait(Answers.Patience * 2);
                },
                i,
                preferLocal: false);
        }

        inside.Wait();

        // Comes in front of whatever may be queued by the answers.
        ThreadPool.UnsafeQueueUserWorkItem(_ => isBlocked = answered.IsSet, 0, preferLocal: false);
        if (way.Release is { } release)
        {
            // All wait by then. An answer that comes while a task begins to be awaited would go on on the pool, and no library can help
            // that.
            while (!answered.IsSet && !Array.TrueForAll(threads, static thread => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin)))
                Thread.Sleep(1);
            Thread.Sleep(10);
            release();
        }

        answered.Wait();

        // The pool is to count as prompt when the next one comes.
        Thread.Sleep(40);
        var wrong = answers.Where(answer => answer != way.Expected).Distinct().ToList();
        return wrong.Count > 0 ? string.Join(" | ", wrong) : isBlocked ? way.Expected : "the pool was not blocked";
    }
}
