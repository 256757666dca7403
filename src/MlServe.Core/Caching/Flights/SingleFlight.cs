using System.Runtime.CompilerServices;
using MlServe.Statistics;
using MlServe.Threading;

namespace MlServe.Caching;

/// <summary>
/// Computes what is not kept: equal requests that come at once only once, by the first of them, with a copy of its inputs and its own token, priority and context. The others wait; where it
/// gives up, the next goes on, as itself. Whoever would be worse off by waiting computes as well. Safe for concurrent use.
/// </summary>
internal sealed class SingleFlight(
    IPredictor inner, IRequestHasher hasher, KeptAnswers kept, CacheVersion version, SecondLevel? secondLevel, StripedCounters counters, CacheWorth worth, TimeProvider time)
{
    private readonly FlightTable _flights = new(time, inner.GetService<DefaultTimeout>()?.Time, version.Identity);

    /// <summary>Requests that are being computed.</summary>
    public int Count => _flights.Count;

    /// <summary>Ends when nothing is being computed.</summary>
    public Task WhenEmptyAsync() => _flights.WhenEmptyAsync();

    /// <inheritdoc cref="FlightTable.EndedOf"/>
    public int EndedOf(RequestKey key) => _flights.EndedOf(key);

    /// <summary>Computes the answer, or waits for whoever does.</summary>
    public ValueTask<Prediction> ComputeAsync(
        RequestKey key, int ended, in PredictionInputs inputs, OutputSelection outputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        if (_flights.Enter(key, in inputs, outputs, options, cancellationToken, out var lead) is { } follower)
        {
            follower.Watch();
            return follower.Answer;
        }

        // Whoever computed it before may have ended between the look-up and here.
        if (_flights.EndedOf(key) != ended && kept.TryHit(key, out var answer))
        {
            Follow(lead, answer);
            return new(answer);
        }

        return LeadAsync(lead, null, inputs, outputs, options, cancellationToken);
    }

    /// <param name="lead">What is computed.</param>
    /// <param name="own">A copy of the inputs, from whoever gave up; null: there is none yet.</param>
    /// <param name="inputs">The caller's inputs.</param>
    /// <param name="outputs">What is asked for.</param>
    /// <param name="options">The caller's options.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Prediction> LeadAsync(
        FlightLead lead, OwnedInputs? own, PredictionInputs inputs, OutputSelection outputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        var copyTicks = 0L;
        if (own is null)
        {
            own = Own(lead, in inputs, outputs, out var isSame, out copyTicks);
            if (!isSame)
            {
                // Its caller has written to it meanwhile: it is another request now, and its answer nobody else's.
                HandOver(lead, null);
                counters.Count(CacheCounters.Bypassed);
                using (own)
                    return await inner.PredictAsync(own.Inputs, options, cancellationToken).ConfigureAwait(false);
            }
        }

        Prediction answer;
        string? sharedKey = null;
        inputs = own.Inputs;
        try
        {
            if (secondLevel is { IsOpen: true } && (sharedKey = RequestHasher.SharedKey(version.Identity, in inputs, outputs)) is not null)
            {
                var finding = secondLevel.FindAsync(sharedKey, lead.Flight.Key, outputs, cancellationToken);
                await UrgentEnd.Of(finding);
                if (await finding.ConfigureAwait(false) is { } found)
                {
                    counters.Count(CacheCounters.SecondLevelHits);
                    worth.Served();
                    kept.Keep(found);
                    answer = found.ToPrediction(PredictionSource.Cache, kept.AgeOf(found));
                    Follow(lead, answer);
                    own.Dispose();
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
            HandOver(lead, own);
            throw;
        }

        if (IsForThisCallerAlone(answer.Status))
        {
            HandOver(lead, own);
            return answer;
        }

        if (answer.IsOk && answer.Origin.Source == PredictionSource.Model) kept.Keep(lead.Flight.Key, answer, sharedKey, copyTicks);
        Follow(lead, answer);
        own.Dispose();
        return answer;
    }

    /// <summary>Copies what is to be computed.</summary>
    /// <param name="lead">What it is about.</param>
    /// <param name="inputs">The caller's inputs.</param>
    /// <param name="outputs">What is asked for.</param>
    /// <param name="isSame">Whether the copy is what it is about.</param>
    /// <param name="ticks">What the copy took, in timestamp units.</param>
    private OwnedInputs Own(FlightLead lead, in PredictionInputs inputs, OutputSelection outputs, out bool isSame, out long ticks)
    {
        try
        {
            var started = time.GetTimestamp();
            var copy = OwnedInputs.Copy(in inputs);
            isSame = hasher.TryHash(copy.Inputs, outputs, out var key) && key.Of(version.Key) == lead.Flight.Key;
            ticks = time.GetTimestamp() - started;
            return copy;
        }
        catch
        {
            HandOver(lead, null);
            throw;
        }
    }

    /// <summary>What the run itself took, a row's share of its batch, where that is known: a caller's wait has queues in it, and the thread pool's other work.</summary>
    private long RunTicks(in PredictionOrigin origin, long waited) => origin.RunTime > TimeSpan.Zero
        ? (long)(origin.RunTime.TotalSeconds * time.TimestampFrequency / Math.Max(1, origin.BatchRows))
        : waited;

    /// <summary>Answers those that wait with copies of an answer, or with its error.</summary>
    private void Follow(FlightLead lead, Prediction answer)
    {
        if (_flights.End(lead) is not { } followers) return;
        var source = answer.Origin.Source == PredictionSource.Model ? PredictionSource.Cache : answer.Origin.Source;
        CacheEntry? entry = null;
        foreach (var follower in followers)
        {
            if (!follower.TryClaim()) continue;
            counters.Count(CacheCounters.Coalesced);
            worth.Served();
            try
            {
                if (answer.IsOk) entry ??= CacheEntry.Of(lead.Flight.Key, version, answer, time.GetTimestamp());
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

    /// <summary>Lets one of those that wait compute in place of one that gave up, with the copy that was made when the request came.</summary>
    private void HandOver(FlightLead lead, OwnedInputs? own)
    {
        if (_flights.Promote(lead, out var next) is not { } follower)
        {
            own?.Dispose();
            return;
        }

        // Not here: this may be the thread of whoever cancels, or of a lane.
        new Succession(this, next, own, follower).Begin();
    }

    private async Task TakeOverAsync(FlightLead lead, OwnedInputs? own, FlightFollower follower)
    {
        try
        {
            follower.SetResult(
                await LeadAsync(lead, own, follower.Inputs, follower.Outputs, follower.OptionsLeft(), follower.CancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (follower.CancellationToken.IsCancellationRequested)
        {
            follower.SetException(new OperationCanceledException(follower.CancellationToken));
        }
        catch (ObjectDisposedException) when (kept.IsClosed)
        {
            follower.SetResult(Prediction.FromError(new(
                PredictionStatus.NotReady, PredictionErrorCode.Draining,
                    "Model '{0}' was closed while the request waited for an equal one.", version.Identity.Name)
            {
                Model = version.Identity,
            }));
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

    private sealed class Succession(SingleFlight flights, FlightLead lead, OwnedInputs? own, FlightFollower follower) : UrgentWork
    {
        public void Begin() => Queue(HelperThreads.ForAnswers);

        protected override void Execute(UrgentPlace place) => follower.RunInContext(static turn => ((Succession)turn!).TakeOver(), this);

        private void TakeOver() => _ = flights.TakeOverAsync(lead, own, follower);
    }
}
