using Microsoft.ML.OnnxRuntime;
using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Onnx;

/// <summary>
/// A session of the runtime under a count of its users. Running a disposed session ends the process without an exception, so the last user
/// closes it. <see cref="Retire"/> gives the owner's share back and refuses new users.
/// </summary>
internal sealed class OnnxSession(IReadOnlyList<InferenceSession> sessions, bool runsOnCpu)
{
    private const int Retired = 1 << 30;

    private readonly UrgentCompletion _closed = new();

    // One share belongs to the owner until the session is retired.
    private int _users = 1;
    private Action? _closing;

    private int _next = -1;

    /// <summary>The first session; only for a user who has acquired it.</summary>
    public InferenceSession Session => sessions[0];

    /// <summary>Whether inputs and outputs lie in memory that the model's operators use, so that they need no copy to a device.</summary>
    public bool RunsOnCpu { get; } = runsOnCpu;

    /// <summary>How many sessions lanes take in turn.</summary>
    public int Count => sessions.Count;

    /// <summary>Tells whose fault a failed run is.</summary>
    public RunBlame Blame { get; } = new();

    /// <summary>The contents that requests must not have; null: anything is allowed.</summary>
    public InputGuards? Guards { get; set; }

    /// <summary>Completes when the last user is gone and the session is closed.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Says what to close before the session, once.</summary>
    public void OnClosing(Action closing) => _closing += closing;

    /// <summary>The sessions in turn, for lanes that are made: one shared by many is a bottleneck of its own for small models.</summary>
    public InferenceSession Next() => sessions[(int)((uint)Interlocked.Increment(ref _next) % (uint)sessions.Count)];

    public bool TryAcquire()
    {
        var users = Volatile.Read(ref _users);
        while (users < Retired)
        {
            var seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users) return true;
            users = seen;
        }

        return false;
    }

    /// <summary>Takes another share for somebody who has one, which works on a retired session too.</summary>
    public void AcquireAgain() => Interlocked.Increment(ref _users);

    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == Retired) Close();
    }

    /// <summary>Refuses new users; the session closes when the present ones are gone. More than once is allowed.</summary>
    public void Retire()
    {
        var users = Volatile.Read(ref _users);
        while (users < Retired)
        {
            var seen = Interlocked.CompareExchange(ref _users, users + Retired, users);
            if (seen == users)
            {
                Release();
                return;
            }

            users = seen;
        }
    }

    private void Close()
    {
        foreach (var closing in Delegate.EnumerateInvocationList(_closing))
            Try(closing);
        foreach (var session in sessions)
            Try(session.Dispose);
        _closed.Complete();
    }

    /// <summary>The thread is that of the last to come: a request, a run.</summary>
    private static void Try(Action action)
    {
        try
        {
            action();
        }
#pragma warning disable CA1031 // The rest is to be closed as well, and whoever waits for the end gets it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.Own, exception);
        }
    }
}
