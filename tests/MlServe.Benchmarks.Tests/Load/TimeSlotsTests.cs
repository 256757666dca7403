namespace MlServe.Benchmarks.Load;

public class TimeSlotsTests
{
    [Fact]
    public void RecoveryAfter_MissesUntilAMoment_IsWhereTheFirstGoodWindowBegins()
    {
        var slots = Filled(missedUntil: 3.2);

        Assert.Equal(1.2, slots.RecoveryAfter(2, 10, 1)!.Value, 6);
        Assert.Equal(0, slots.RecoveryAfter(5, 10, 1)!.Value, 6);
    }

    [Fact]
    public void RecoveryAfter_MissesToTheEnd_IsNull() => Assert.Null(Filled(missedUntil: 10).RecoveryAfter(2, 10, 1));

    [Fact]
    public void RecoveryAfter_NothingDue_IsNull() => Assert.Null(new TimeSlots(10).RecoveryAfter(2, 10, 1));

    private static TimeSlots Filled(double missedUntil)
    {
        var slots = new TimeSlots(10);
        for (var i = 0; i < 10_000; i++)
        {
            var due = i * 1_000_000L;
            slots.Due(due);
            if (due < missedUntil * 1e9) slots.Missed(due);
        }

        return slots;
    }
}
