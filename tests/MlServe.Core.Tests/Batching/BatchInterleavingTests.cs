using System.Globalization;
using System.Text;

namespace MlServe.Tests.Batching;

/// <summary>
/// Requests arrive, are cancelled, expire, runs end, the batcher is disposed of, in random orders; after each step the batcher is held
/// against a naive model of what a queue must do. <c>MLSERVE_SOAK=1</c> makes it twenty times as long.
/// </summary>
public sealed class BatchInterleavingTests
{
    private const int Limit = 4;
    private const int Steps = 8;

    private static readonly bool IsSoak = Environment.GetEnvironmentVariable("MLSERVE_SOAK") is "1";
    private static readonly int Rounds = IsSoak ? 2_000_000 : 100_000;

    /// <summary>
    /// Where other programs keep the cores, a thread's turn takes milliseconds: then fewer rounds are played, never less than a hundredth.
    /// With six busy programs on two cores that is seven rounds a second.
    /// </summary>
    private static readonly TimeSpan LongEnough = IsSoak ? TimeSpan.FromHours(3) : TimeSpan.FromMinutes(1);

    /// <summary>Only shows where a test hangs.</summary>
    private static readonly TimeSpan Watchdog = TimeSpan.FromSeconds(20);

    /// <summary>Rounds between two batchers.</summary>
    private const int RoundsPerBatcher = 40;

    [Fact]
    public async Task RandomInterleavings_EveryRequestIsAnsweredOnceAndWithItsOwnAnswer()
    {
        var random = new Random(20_260_824);
        var started = TimeProvider.System.GetTimestamp();
        for (var round = 0; round < Rounds / 100 || (round < Rounds && TimeProvider.System.GetElapsedTime(started) < LongEnough);)
        {
            await using var game = new Game(random);
            for (var i = 0; i < RoundsPerBatcher; i++, round++)
                await game.PlayAsync(Steps, mayDispose: i == RoundsPerBatcher - 1);
        }
    }

    private sealed class Game(Random random) : IAsyncDisposable
    {
        private readonly Harness _harness = new(static options =>
        {
            options.MaxBatchSize = Limit;
            options.MaxQueuedRows = 64;
        });
        private readonly List<Part> _waiting = [];
        private readonly List<Request> _open = [];
        private readonly StringBuilder _log = new();
        private FakeRun? _run;
        private List<Part> _running = [];
        private Task? _disposal;
        private long _nextId = 1;

        public async Task PlayAsync(int steps, bool mayDispose)
        {
            _log.Clear();
            try
            {
                for (var i = 0; i < steps; i++)
                    await StepAsync(mayDispose);
                while (_run is not null)
                    await FinishAsync();
                Check(_open.Count == 0, "a request is left over");
                Check(_waiting.TrueForAll(static part => !part.Request.IsOpen), "a part is left over");
                _waiting.Clear();
                if (_disposal is null) _harness.Settle();
            }
            catch (Exception exception) when (exception is not InvalidDataException)
            {
                throw new InvalidDataException($"{exception.Message}\n{_log}", exception);
            }
        }

        public async ValueTask DisposeAsync()
        {
            _harness.Model.LetRunsGo();
            if (_disposal is not null) await _disposal;
            await _harness.DisposeAsync();
        }

        private async Task StepAsync(bool mayDispose)
        {
            switch (random.Next(12))
            {
                case < 6:
                    await ArriveAsync();
                    break;
                case < 8 when _open.Count > 0:
                    await CancelAsync(_open[random.Next(_open.Count)]);
                    break;
                case 8:
                    await AdvanceAsync(random.Next(1, 6));
                    break;
                case < 11 when _run is not null:
                    await FinishAsync();
                    break;
                case 11 when mayDispose && _disposal is null:
                    Log("dispose");
                    _disposal = _harness.Pipeline.DisposeAsync().AsTask();
                    break;
            }
        }

        private async Task ArriveAsync()
        {
            var rows = random.Next(4) == 0 ? random.Next(1, 11) : 1;
            var request = new Request
            {
                Ids = [.. Enumerable.Range(0, rows).Select(_ => random.Next(12) == 0 ? -_nextId++ : _nextId++)],
                Deadline = random.Next(3) == 0
                    ? _harness.Clock.GetTimestamp() + (random.Next(1, 12) * TimeSpan.TicksPerMillisecond)
                    : long.MaxValue,
            };
            Log($"arrive {string.Join(',', request.Ids)} deadline {request.Deadline}");
            var timeout = request.Deadline == long.MaxValue
                ? null
                : (TimeSpan?)TimeSpan.FromTicks(request.Deadline - _harness.Clock.GetTimestamp());
            if (_disposal is not null)
            {
                Assert.Throws<ObjectDisposedException>(() => { _ = _harness.SendRows(request.Ids, timeout, request.Source.Token); });
                return;
            }

            request.Task = _harness.SendRows(request.Ids, timeout, request.Source.Token);
            if (request.Task.IsCompletedSuccessfully && request.Task.Result.Status == PredictionStatus.Overloaded)
            {
                Log("refused");
                Check(
                    request.Task.Result.Error.Code == PredictionErrorCode.WaitTooLong
                        ? timeout is not null
                        : _harness.Batcher.QueuedRows + rows > 64, "refused though there was room");
                return;
            }

            _open.Add(request);
            foreach (var ids in request.Ids.Chunk(Limit))
                _waiting.Add(new(request, ids));
            request.PartsLeft = (rows + Limit - 1) / Limit;
            if (_run is null) await NextRunAsync();
            CheckOpen();
        }

        private async Task CancelAsync(Request request)
        {
            Log($"cancel {request.Ids[0]}");
            request.Source.Cancel();
            await EndsAsync(request, static task => Assert.ThrowsAnyAsync<OperationCanceledException>(() => task));
            await CheckRunIsGivenUpAsync();
            CheckOpen();
        }

        private async Task AdvanceAsync(int milliseconds)
        {
            Log($"advance {milliseconds}");
            _harness.Clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
            foreach (var request in _open.Where(request => request.Deadline <= _harness.Clock.GetTimestamp()).ToList())
            {
                Log($"expires {request.Ids[0]}");
                await EndsAsync(
                    request, static async task => Assert.Equal(PredictionStatus.DeadlineExceeded, (await task).Status), keepFailure: true);
            }

            await CheckRunIsGivenUpAsync();
            CheckOpen();
        }

        /// <summary>Lets the run end, and checks what its requests hear.</summary>
        private async Task FinishAsync()
        {
            Log($"finish {string.Join(',', _run!.Rows)}");
            var ran = _running;
            var live = ran.Where(static part => part.Request.IsOpen).ToList();
            _run.Finish();
            _run = null;
            await NextRunAsync(ran);
            foreach (var part in live)
            {
                var culprit = Array.Find(part.Ids, static id => id < 0);
                if (culprit != 0) part.Request.Culprits.Add(culprit);
                if (--part.Request.PartsLeft > 0) continue;
                var request = part.Request;
                if (request.Culprits.Count > 0)
                {
                    var message = $"Row {request.Culprits[0]} is negative.";
                    await EndsAsync(request, async task => Assert.Equal(message, (await task).Error.Message));
                }
                else
                {
                    await EndsAsync(request, task => Harness.Expect(task, request.Ids));
                }
            }

            CheckOpen();
        }

        /// <summary>
        /// A run for which nobody waits any more ends by itself, and so does the next, where its callers have given up meanwhile.
        /// </summary>
        private async Task CheckRunIsGivenUpAsync()
        {
            while (_run is not null && !_running.Exists(static part => part.Request.IsOpen))
            {
                Log("given up");
                _run = null;
                await NextRunAsync(_running, mayBeGivenUp: true);
            }
        }

        private async Task EndsAsync(Request request, Func<Task<Prediction>, Task> check, bool keepFailure = false)
        {
            request.IsOpen = false;
            _open.Remove(request);

            // What failed before it expired has failed, and is only told when all its parts are done.
            if (keepFailure && request.Culprits.Count > 0) check = static async task => Assert.False((await task).IsOk);
            await check(request.Task!.WaitAsync(Watchdog));
        }

        /// <summary>Waits for the next run, or until there is none, and holds it against the naive queue.</summary>
        private async Task NextRunAsync(List<Part>? before = null, bool mayBeGivenUp = false)
        {
            while (true)
            {
                FakeRun? run = null;
                var wait = default(SpinWait);
                while (!_harness.Model.TryNextRun(out run) && !(_harness.Batcher.AreRunnersIdle && !_harness.Batcher.HasWork))
                    wait.SpinOnce(sleep1Threshold: -1);
                if (run is null && !_harness.Model.TryNextRun(out run))
                {
                    Check(_waiting.TrueForAll(static part => !part.Request.IsOpen), "the lane rests though there is work");
                    _waiting.Clear();
                    return;
                }

                if (before is not null && before.Exists(part => part.Ids.Contains(run!.Rows[0])))
                {
                    // A culprit is sought.
                    run!.Finish();
                    continue;
                }

                _run = run;
                break;
            }

            Log($"run {string.Join(',', _run!.Rows)}");
            _running = [];
            var rows = 0;
            var taken = 0;
            foreach (var part in _waiting)
            {
                if (rows == _run.Rows.Length) break;
                taken++;
                if (rows + part.Ids.Length <= _run.Rows.Length && _run.Rows.AsSpan(rows, part.Ids.Length).SequenceEqual(part.Ids))
                {
                    _running.Add(part);
                    rows += part.Ids.Length;
                }
                else
                {
                    Check(!part.Request.IsOpen, $"{part.Ids[0]} was passed over");
                }
            }

            Check(rows == _run.Rows.Length && rows <= Limit, "the run holds what nobody sent, or too much");
            Check(mayBeGivenUp || _running.Exists(static part => part.Request.IsOpen), "a run for nobody");
            _waiting.RemoveRange(0, taken);
            foreach (var part in _waiting)
            {
                if (rows + part.Ids.Length > Limit) break;
                Check(!part.Request.IsOpen, $"there was room for {part.Ids[0]}");
            }

            await Task.CompletedTask;
        }

        private void CheckOpen()
        {
            foreach (var request in _open)
                Check(!request.Task!.IsCompleted, $"{request.Ids[0]} was answered too early");
        }

        private void Check(bool condition, string message)
        {
            if (!condition) throw new InvalidDataException($"{message}\n{_log}");
        }

        private void Log(string text) => _log.AppendLine(CultureInfo.InvariantCulture, $"{text}");
    }

    private sealed class Request
    {
        public required long[] Ids { get; init; }

        public required long Deadline { get; init; }

        public CancellationTokenSource Source { get; } = new();

        public Task<Prediction>? Task { get; set; }

        public bool IsOpen { get; set; } = true;

        public int PartsLeft { get; set; }

        public List<long> Culprits { get; } = [];
    }

    private sealed record Part(Request Request, long[] Ids);
}
