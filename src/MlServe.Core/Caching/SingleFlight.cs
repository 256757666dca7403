using System.Runtime.CompilerServices;
using MlServe.Threading;

namespace MlServe.Caching;

/// <summary>
/// Computes what is not kept: equal requests that come at once only once, by the first of them, with a copy of its inputs and its own token. The others wait; where it gives up, the
/// next goes on. Safe for concurrent use.
/// </summary>
internal sealed class SingleFlight(
    IPredictor inner, IRequestHasher hasher, KeptAnswers kept, CacheVersion version, SecondLevel? secondLevel, CacheCounters counters, CacheWorth worth, TimeProvider time)
{
    private readonly FlightTable _flights = new(inner.GetService<DefaultTimeout>()?.Time);

    /// <summary>Requests that are being computed.</summary>
    public int Count => _flights.Count;

    /// <summary>Ends when nothing is being computed.</summary>
    public Task WhenEmptyAsync() => _flights.WhenEmptyAsync();

    /// <summary>Computes the answer, or waits for whoever does.</summary>
    public ValueTask<Prediction> ComputeAsync(
        RequestKey key, in PredictionInputs inputs, OutputSelection outputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        if (_flights.Enter(key, in inputs, outputs, options, time, cancellationToken, out var flight) is { } follower)
        {
            follower.Watch();
            return follower.Answer;
        }

        // Whoever computed it before may have ended between the look-up and here.
        if (!kept.TryHit(key, out var answer)) return LeadAsync(flight, inputs, outputs, options, cancellationToken);
        Follow(flight, answer);
        return new(answer);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Prediction> LeadAsync(
        Flight flight, PredictionInputs inputs, OutputSelection outputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        if (flight.Inputs is null && Own(flight, in inputs, outputs) is { } changed)
        {
            // Its caller has written to it meanwhile: it is another request now, and its answer nobody else's.
            HandOver(flight);
            counters.Count(CacheCounters.Bypassed);
            using (changed)
                return await inner.PredictAsync(changed.Inputs, options, cancellationToken).ConfigureAwait(false);
        }

        Prediction answer;
        string? sharedKey = null;
        inputs = flight.Inputs!.Inputs;
        try
        {
            if (secondLevel is { IsOpen: true } && (sharedKey = RequestHasher.SharedKey(version.Identity, in inputs, outputs)) is not null)
            {
                if (await secondLevel.FindAsync(sharedKey, flight.Key, outputs, cancellationToken).ConfigureAwait(false) is { } found)
                {
                    counters.Count(CacheCounters.SecondLevelHits);
                    worth.Served();
                    if (kept.Store.Policy.Admits(found.Hash, found.Weight, isReplacement: false)) kept.Keep(found);
                    answer = found.ToPrediction(PredictionSource.Cache, kept.AgeOf(found));
                    Follow(flight, answer);
                    return answer;
                }
            }

            counters.Count(CacheCounters.Misses);
            var started = time.GetTimestamp();
            answer = await inner.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
            if (answer.IsOk) worth.RunTook(RunTicks(answer.Origin, time.GetTimestamp() - started));
        }
        catch
        {
            HandOver(flight);
            throw;
        }

        Settle(flight, answer, sharedKey);
        return answer;
    }

    /// <summary>Copies what is to be computed.</summary>
    /// <returns>Null: the flight has its copy; else a copy that is not what the flight is about.</returns>
    private OwnedInputs? Own(Flight flight, in PredictionInputs inputs, OutputSelection outputs)
    {
        try
        {
            var started = time.GetTimestamp();
            var copy = OwnedInputs.Copy(in inputs);
            if (!hasher.TryHash(copy.Inputs, outputs, out var key) || key.Of(version.Key) != flight.Key) return copy;
            flight.Inputs = copy;
            flight.CopyTicks = time.GetTimestamp() - started;
            return null;
        }
        catch
        {
            HandOver(flight);
            throw;
        }
    }

    private static void LetGo(Flight flight)
    {
        flight.Inputs?.Dispose();
        flight.Inputs = null;
    }

    /// <summary>Keeps an answer, and gives it to those that wait for it.</summary>
    private void Settle(Flight flight, Prediction answer, string? sharedKey)
    {
        if (IsForThisCallerAlone(answer.Status))
        {
            HandOver(flight);
            return;
        }

        if (answer.IsOk && answer.Origin.Source == PredictionSource.Model) kept.Keep(flight, answer, sharedKey);
        Follow(flight, answer);
    }

    /// <summary>What the run itself took, a row's share of its batch, where that is known: a caller's wait has queues in it, and the thread pool's other work.</summary>
    private long RunTicks(in PredictionOrigin origin, long waited) => origin.RunTime > TimeSpan.Zero
        ? (long)(origin.RunTime.TotalSeconds * time.TimestampFrequency / Math.Max(1, origin.BatchRows))
        : waited;

    /// <summary>Answers those that wait with copies of an answer, or with its error.</summary>
    private void Follow(Flight flight, Prediction answer)
    {
        var followers = _flights.End(flight);
        LetGo(flight);
        if (followers is null) return;
        var source = answer.Origin.Source == PredictionSource.Model ? PredictionSource.Cache : answer.Origin.Source;
        CacheEntry? entry = null;
        foreach (var follower in followers)
        {
            if (!follower.TryClaim()) continue;
            counters.Count(CacheCounters.Coalesced);
            worth.Served();
            try
            {
                if (answer.IsOk) entry ??= CacheEntry.Of(flight.Key, version, answer, time.GetTimestamp());
                follower.SetResult(entry?.ToPrediction(source, answer.Origin.Age) ?? Prediction.FromError(answer.Error));
            }
#pragma warning disable CA1031 // There is no memory for a copy, say; the others must hear of it all the same.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                follower.SetException(exception);
            }
        }
    }

    /// <summary>Lets one of those that wait compute in place of one that gave up.</summary>
    private void HandOver(Flight flight)
    {
        if (_flights.Promote(flight) is not { } next)
        {
            LetGo(flight);
            return;
        }

        // Not here: this may be the thread of whoever cancels, or of a lane.
        new Succession(this, flight, next).Begin();
    }

    private async Task TakeOverAsync(Flight flight, FlightFollower follower)
    {
        try
        {
            follower.SetResult(
                await LeadAsync(flight, follower.Inputs, follower.Outputs, follower.OptionsLeft(), follower.CancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (follower.CancellationToken.IsCancellationRequested)
        {
            follower.SetException(new OperationCanceledException(follower.CancellationToken));
        }
        catch (ObjectDisposedException) when (kept.IsClosed)
        {
            follower.SetResult(Prediction.FromError(new(
                PredictionStatus.NotReady, PredictionErrorCode.Draining, "Model '{0}' was closed while the request waited for an equal one.", version.Identity.Name)));
        }
#pragma warning disable CA1031 // Whatever it is, it is this caller's.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            follower.SetException(exception);
        }
    }

    /// <summary>Whether another caller with an equal request may fare better: it has a deadline and a priority of its own, and another moment.</summary>
    private static bool IsForThisCallerAlone(PredictionStatus status) => status is
        PredictionStatus.Overloaded or PredictionStatus.DeadlineExceeded or PredictionStatus.RateLimited or PredictionStatus.Unauthenticated or PredictionStatus.Forbidden;

    private sealed class Succession(SingleFlight flights, Flight flight, FlightFollower next) : UrgentWork
    {
        public void Begin() => Queue(HelperThreads.ForAnswers);

        protected override void Execute(UrgentPlace place) => _ = flights.TakeOverAsync(flight, next);
    }
}
