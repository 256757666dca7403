namespace MlServe.Batching;

/// <summary>
/// What happens to a batch whose run failed: it is split in halves that are run again, so that the innocent are answered and each culprit alone fails, with its
/// own error. One culprit among n requests costs about 2 log2 n runs.
/// </summary>
internal static class PoisonIsolation
{
    public static void Run(BatchRunner runner, Batch batch, ReadOnlySpan<BatchSlot?> slots, OutputSelection outputs)
    {
        var half = slots.Length / 2;
        RunPart(runner, batch, slots[..half], outputs);
        RunPart(runner, batch, slots[half..], outputs);
    }

    private static void RunPart(BatchRunner runner, Batch batch, ReadOnlySpan<BatchSlot?> slots, OutputSelection outputs)
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

        if (rows == 0) return;
        var error = runner.RunLane(batch, rows, outputs, default, out var origin);
        if (error is null)
        {
            foreach (var (slot, row) in written)
                BatchRunner.AnswerOne(slot, batch.Lane, row, in origin);
        }
        else if (written.Count == 1)
        {
            BatchRunner.AnswerOne(written[0].Slot, error);
        }
        else
        {
            Run(runner, batch, written.Select(static entry => entry.Slot).ToArray(), outputs);
        }
    }
}
