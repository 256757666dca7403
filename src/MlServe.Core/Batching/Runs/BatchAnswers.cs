using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// The answers of one batch on their way to those who wait. The waiting code of one after another goes on on one thread of the pool, which
/// costs a fraction of handing each to the pool. Another thread that has nothing to do takes half of those that are left, so that code
/// which blocks holds up nobody but itself. If no thread has been free for some milliseconds, a helper thread takes all of them.
/// </summary>
internal sealed class BatchAnswers : UrgentWork
{
    private readonly Help _help;

    private BatchSlot?[] _slots = [];

    private InFlight? _inFlight;

    // The next one in the high half, the end in the low one.
    private long _left;
    private int _holders;

    public BatchAnswers() => _help = new(this);

    public int Count { get; private set; }

    public static BatchAnswers Rent(InFlight inFlight, int capacity)
    {
        var answers = Pool<BatchAnswers>.Rent();
        answers._inFlight = inFlight;
        if (answers._slots.Length < capacity) answers._slots = new BatchSlot?[capacity];
        return answers;
    }

    /// <summary>Adds a request that was taken.</summary>
    public void Add(BatchSlot slot, Prediction prediction)
    {
        slot.Keep(prediction);
        _slots[Count++] = slot;
    }

    /// <summary>
    /// Answers all, on this thread or on one of the pool. One of them is still counted as not answered, and is counted down with the last.
    /// </summary>
    public void Begin(bool isHere)
    {
        _holders = 1;
        Volatile.Write(ref _left, Count);
        if (isHere) Execute(UrgentPlace.PoolThread);
        else Queue(HelperThreads.ForAnswers);
    }

    /// <summary>Answers threads that wait, each of which goes on by itself.</summary>
    public void WakeAll()
    {
        var (inFlight, count) = (_inFlight!, Count);
        _holders = 1;
        for (var i = 0; i < count; i++)
            _slots[i]!.AnswerKept(isHere: true);
        Release();

        // Behind all of them, so that all have their answers before a predictor that is being disposed may count on that.
        inFlight.Answered(count);
    }

    protected override void Execute(UrgentPlace place)
    {
        AnswerAll();
        Release();
    }

    private void AnswerAll()
    {
        if (Count > 1) AskForHelp();
        var context = ExecutionContext.Capture()!;
        while (TryNext(out var index, out var isLast))
        {
            var slot = _slots[index]!;
            if (isLast)
            {
                // Elsewhere, so that all have their answers before a predictor that is being disposed may count on that.
                slot.AnswerKept(isHere: false);
                _inFlight!.Answered();
                return;
            }

            slot.AnswerKept(isHere: true);

            // What waiting code has left behind is not the next one's. The pool does the same between its work items.
            if (!ReferenceEquals(ExecutionContext.Capture(), context)) ExecutionContext.Restore(context);
            if (SynchronizationContext.Current is not null) SynchronizationContext.SetSynchronizationContext(null);
        }
    }

    // Found by this thread when it is done here, and by others only once there is nothing else for them to do.
    private void AskForHelp()
    {
        Interlocked.Increment(ref _holders);
        _help.Ask();
    }

    private void HelpOut(bool takesAll)
    {
        if (IsEmpty(Volatile.Read(ref _left))) return;

        // Whoever has the last of a half counts it down; counted before the others can come to theirs.
        _inFlight!.AddParts(1);
        var left = Volatile.Read(ref _left);
        while (!IsEmpty(left))
        {
            var (next, end) = ((int)(left >> 32), (int)left);
            var first = takesAll ? next : end - ((end - next + 1) / 2);
            var seen = Interlocked.CompareExchange(ref _left, ((long)next << 32) | (uint)first, left);
            if (seen == left)
            {
                Take(first, end, isRest: first == next);
                return;
            }

            left = seen;
        }

        _inFlight.Answered();
    }

    private void Take(int first, int end, bool isRest)
    {
        if (isRest) _inFlight!.Answered();
        else AskForHelp();
        var taken = Rent(_inFlight!, end - first);
        Array.Copy(_slots, first, taken._slots, 0, end - first);
        taken.Count = end - first;
        taken.Begin(isHere: true);
    }

    private static bool IsEmpty(long left) => (int)(left >> 32) == (int)left;

    private bool TryNext(out int index, out bool isLast)
    {
        var left = Volatile.Read(ref _left);
        while (true)
        {
            index = (int)(left >> 32);
            isLast = index + 1 == (int)left;
            if (IsEmpty(left)) return false;
            var seen = Interlocked.CompareExchange(ref _left, left + (1L << 32), left);
            if (seen == left) return true;
            left = seen;
        }
    }

    private void Release()
    {
        if (Interlocked.Decrement(ref _holders) > 0) return;
        _slots.AsSpan(0, Count).Clear();
        Count = 0;
        _inFlight = null;
        Pool<BatchAnswers>.Return(this, _slots.Length * IntPtr.Size);
    }

    /// <summary>The work that other threads find.</summary>
    private sealed class Help(BatchAnswers answers) : UrgentWork
    {
        public void Ask() => Queue(HelperThreads.ForAnswers, preferLocal: true);

        protected override void Execute(UrgentPlace place)
        {
            answers.HelpOut(takesAll: place == UrgentPlace.LateHelper);
            answers.Release();
        }
    }
}
