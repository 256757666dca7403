namespace MlServe;

/// <summary>
/// Callers of several models at one gate in simulated time: each asks, waits, runs for as long as its model takes, and asks again. Nothing
/// is left to chance or to the machine.
/// </summary>
internal sealed class GateSimulation(RunGate gate)
{
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private long _order;

    public long Now { get; private set; }

    /// <summary>Keeps callers of a model busy: as each is answered it asks again, after a pause.</summary>
    public Model Add(
        long cost, int callers, long startsAt = 0, long pause = 0, RequestPriority priority = default, long bulkDelay = 1_000_000)
    {
        var model = new Model(this, new GateFlow(gate), cost, pause, priority, bulkDelay);
        for (var i = 0; i < callers; i++)
            At(startsAt, model.Ask);
        return model;
    }

    public void At(long time, Action action) => _events.Enqueue(action, (time, _order++));

    public void Run(long until)
    {
        while (_events.TryPeek(out var action, out var due) && due.At <= until)
        {
            _events.Dequeue();
            Now = due.At;
            action();
        }

        Now = until;
    }

    internal sealed class Model(GateSimulation simulation, GateFlow flow, long cost, long pause, RequestPriority priority, long bulkDelay)
    {
        public long Cost { get; set; } = cost;

        /// <summary>How long each of the answered waited, in the order in which they were let in.</summary>
        public List<long> Waits { get; } = [];

        public int Runs => Waits.Count;

        public long Time { get; private set; }

        public bool IsStopped { get; set; }

        public GateFlow Flow => flow;

        public void Ask()
        {
            if (IsStopped) return;
            if (simulation.Gate.TryEnter()) Begin(0, null);
            else simulation.Gate.Enqueue(new Waiter(this, simulation.Now));
        }

        private void Begin(long waited, Waiter? waiter)
        {
            Waits.Add(waited);
            var cost = Cost;
            Time += cost;
            simulation.At(simulation.Now + cost, () =>
            {
                simulation.At(simulation.Now + pause, Ask);
                if (waiter is null) simulation.Gate.Exit();
                else simulation.Gate.Exit(waiter, TimeSpan.FromTicks(cost));
            });
        }

        private sealed class Waiter(Model model, long asked) : IGateWaiter
        {
            public GateFlow? Flow => model.Flow;

            public bool IsBulk => model.Priority == RequestPriority.Bulk;

            public bool Yields => IsBulk && model.Now - asked < model.BulkDelay;

            public long Charge { get; set; }

            public void Enter() => model.Begin(model.Now - asked, this);
        }

        private RequestPriority Priority => priority;

        private long BulkDelay => bulkDelay;

        private long Now => simulation.Now;
    }

    private RunGate Gate => gate;
}
