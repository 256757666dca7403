using MlServe.Threading;

namespace MlServe.Tests.Threading;

public sealed class DeadlineHeapTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Heap_SetMovedAndRemovedAtRandom_TellsTheEarliestAsAListWould(int seed)
    {
        var random = new Random(seed);
        var heap = new DeadlineHeap();
        var timers = Enumerable.Range(0, 300).Select(static _ => new DeadlineTimer(static _ => { }, null)).ToArray();
        var known = new Dictionary<DeadlineTimer, long>();
        for (var step = 0; step < 20_000; step++)
        {
            // Waves: now and then all but empty, so that the heap shrinks as well.
            var timer = timers[random.Next(step / 2000 % 2 == 0 ? timers.Length : 5)];
            if (random.Next(3) > 0)
            {
                var wakeAt = random.Next(1000);
                heap.Set(timer, wakeAt);
                known[timer] = wakeAt;
            }
            else
            {
                heap.Remove(timer);
                known.Remove(timer);
                Assert.Equal(DeadlineTimer.Never, timer.WakeAt);
            }

            if (step % 2000 == 1999)
            {
                foreach (var some in known.Keys.Take(250).ToList())
                {
                    heap.Remove(some);
                    known.Remove(some);
                }
            }

            Assert.Equal(known.Count, heap.Count);
            Assert.Equal(known.Count == 0 ? null : known.Values.Min(), heap.First?.WakeAt);
        }

        var order = new List<long>();
        while (heap.First is { } first)
        {
            order.Add(first.WakeAt);
            heap.Remove(first);
        }

        Assert.Equal(known.Values.Order(), order);
    }
}
