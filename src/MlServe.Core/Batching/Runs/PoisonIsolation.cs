namespace MlServe.Batching;

/// <summary>
/// The treatment of a batch whose run failed. It is split in halves that are run again, so that the innocent are answered and each culprit
/// alone fails, with its own error. One culprit among n requests costs about 2 log2 n runs.
/// </summary>
internal static class PoisonIsolation
{
    public static void Run(BatchRunner runner, Batch batch, ReadOnlySpan<BatchSlot?> slots, OutputSelection outputs)
    {
        var culprits = new List<(BatchSlot Slot, PredictionError Error)>();
        Tell(culprits, Split(runner, batch, slots, outputs, culprits));
    }

    /// <summary>Runs a batch for the first time in which rows were not written: those that there are, moved together.</summary>
    public static void RunWritten(BatchRunner runner, Batch batch, ReadOnlySpan<BatchSlot?> slots, OutputSelection outputs)
    {
        var culprits = new List<(BatchSlot Slot, PredictionError Error)>();
        Tell(culprits, RunPart(runner, batch, slots, outputs, culprits));
    }

    /// <summary>Runs each request of a batch by itself: it was gathered before its rows were known to depend on each other.</summary>
    public static void RunApart(BatchRunner runner, Batch batch, ReadOnlySpan<BatchSlot?> slots, OutputSelection outputs)
    {
        var culprits = new List<(BatchSlot Slot, PredictionError Error)>();
        var answered = 0;
        for (var i = 0; i < slots.Length; i++)
            answered += RunPart(runner, batch, slots.Slice(i, 1), outputs, culprits);
        Tell(culprits, answered);
    }

    private static void Tell(List<(BatchSlot Slot, PredictionError Error)> culprits, int answered)
    {
        // Where nobody could be answered it is the model that fails, and not a request.
        foreach (var (slot, error) in culprits)
        {
            BatchRunner.AnswerOne(slot, answered > 0 ? error.AsIsolated() : error);
        }
    }

    private static int Split(
        BatchRunner runner, Batch batch, ReadOnlySpan<BatchSlot?> slots, OutputSelection outputs,
        List<(BatchSlot Slot, PredictionError Error)> culprits)
    {
        var half = slots.Length / 2;
        return RunPart(runner, batch, slots[..half], outputs, culprits) + RunPart(runner, batch, slots[half..], outputs, culprits);
    }

    private static int RunPart(
        BatchRunner runner, Batch batch, ReadOnlySpan<BatchSlot?> slots, OutputSelection outputs,
        List<(BatchSlot Slot, PredictionError Error)> culprits)
    {
        // The lane's memory is overwritten: from here on rows lie where this part puts them.
        var written = new List<(BatchSlot Slot, int Row)>(slots.Length);
        var rows = 0;
        foreach (var slot in slots)
        {
            if (slot is null || !slot.TryWrite(batch.Lane, rows)) continue;
            written.Add((slot, rows));
            rows += slot.Rows;
        }

        if (rows == 0) return 0;
        var error = runner.RunLane(batch, rows, outputs, default, out var origin);
        if (error is null)
        {
            foreach (var (slot, row) in written)
                BatchRunner.AnswerOne(slot, batch.Lane, row, in origin);
            return written.Count;
        }

        if (written.Count > 1) return Split(runner, batch, written.Select(static entry => entry.Slot).ToArray(), outputs, culprits);
        culprits.Add((written[0].Slot, error));
        return 0;
    }
}
