using MlServe.Statistics;
using MlServe.Threading;

namespace MlServe.Caching;

/// <summary>
/// Lets answers that are not kept be computed. Of equal requests that come at once only the first is computed. It has a copy of its inputs
/// and its own token, priority and context. The others wait; if it gives up, the next goes on, as itself. A request that would be worse off
/// by waiting is computed as well. Safe for concurrent use.
/// </summary>
internal sealed class SingleFlight(
    TimeSpan? timeout, IRequestHasher hasher, CachedAnswers kept, CacheVersion version, SecondLevel? secondLevel, StripedCounters counters,
    CacheBenefit benefit, TimeProvider time)
{
    private readonly FlightTable _flights = new(time, version.Identity);

    /// <summary>Ends when nothing is being computed.</summary>
    public Task WhenEmptyAsync() => _flights.WhenEmptyAsync();

    /// <inheritdoc cref="FlightTable.EndedOf"/>
    public int EndedOf(RequestKey key) => _flights.EndedOf(key);

    /// <summary>Begins to compute the answer, or to wait for the equal request that does.</summary>
    /// <param name="call">The call.</param>
    /// <param name="state">The state that the cache keeps of it.</param>
    /// <param name="key">Its key.</param>
    /// <param name="ended">The result of <see cref="EndedOf"/> before the cache was looked into.</param>
    /// <param name="outputs">The outputs that it asks for.</param>
    public StageOutcome Enter(ref StageCall call, CacheCall state, RequestKey key, int ended, OutputSelection outputs)
    {
        state.Outputs = outputs;
        if (timeout is { } limit) call.LimitTo(limit);
        if (_flights.Enter(key, ref call, out var lead) is { } follower)
        {
            follower.Watch();
            state.Follower = follower;
            return call.Wait(follower.Answer);
        }

        // Whoever computed it before may have ended between the look-up and here.
        if (_flights.EndedOf(key) == ended || !kept.TryHit(key, out var answer)) return Compute(ref call, state, lead);
        Follow(lead, answer);
        call.Answer = answer;
        return StageOutcome.Answered;
    }

    /// <summary>Goes on when an equal request has ended, or the second level.</summary>
    public StageOutcome Resume(ref StageCall call, CacheCall state)
    {
        if (state.Follower is { } follower)
        {
            state.Follower = null;
            if (!follower.IsSuccessor) return StageOutcome.Answered;

            state.IsSuccessor = true;
            if (follower.TakeInputs() is { } own)
            {
                state.Own?.Dispose();
                state.Take(ref call, own);
            }

            return Compute(ref call, state, follower.Lead);
        }

        if (state.Found is not { } found) return Run(state);
        counters.Count(CacheCounters.SecondLevelHits);
        benefit.Served();
        kept.Keep(found);
        call.Answer = found.ToPrediction(PredictionSource.Cache, kept.AgeOf(found));
        Leave(state, call.Answer);
        return StageOutcome.Answered;
    }

    /// <summary>Ends the computation, if the call was one, with its answer.</summary>
    public void End(in Prediction answer, CacheCall state)
    {
        if (state.Lead.Flight is null) return;
        if (IsForThisCallerAlone(answer.Status))
        {
            HandOver(state, withInputs: true);
            return;
        }

        if (answer.IsOk)
        {
            benefit.RunTook(RunTicks(answer.Origin, time.GetTimestamp() - state.Started));
            if (answer.Origin.Source == PredictionSource.Model) kept.Keep(state.Lead.Flight.Key, answer, state.SharedKey, state.CopyTicks);
        }

        Leave(state, answer);
    }

    /// <summary>Ends the computation, if the call was one, without an answer.</summary>
    /// <returns>The error that its caller gets in place of the exception; null: the exception.</returns>
    public PredictionError? Fail(CacheCall state, Exception exception)
    {
        if (state.Lead.Flight is not null) HandOver(state, withInputs: true);
        if (!state.IsSuccessor || exception is not ObjectDisposedException || !kept.IsClosed) return null;
        return new(
            PredictionStatus.NotReady, PredictionErrorCode.Draining, "Model '{0}' was closed while the request waited for an equal one.",
            version.Identity.Name)
        {
            Model = version.Identity,
        };
    }

    private StageOutcome Compute(ref StageCall call, CacheCall state, FlightLead lead)
    {
        state.Lead = lead;
        if (state.Own is null && !TryOwn(ref call, state))
        {
            // Its caller has written to it meanwhile: it is another request now, and its answer nobody else's.
            HandOver(state, withInputs: false);
            counters.Count(CacheCounters.Bypassed);
            return StageOutcome.Next;
        }

        if (secondLevel is not { IsOpen: true }) return Run(state);
        state.SharedKey = RequestHasher.SharedKey(version.Identity, in call.Inputs, state.Outputs);
        if (state.SharedKey is null) return Run(state);
        return call.Wait(RelayedOperation<Prediction>.Of(FindAsync(secondLevel, state, call.Until, call.CancellationToken)));
    }

    private StageOutcome Run(CacheCall state)
    {
        counters.Count(CacheCounters.Misses);
        state.Started = time.GetTimestamp();
        return StageOutcome.Next;
    }

    private static async Task<Prediction> FindAsync(
        SecondLevel secondLevel, CacheCall state, Deadline deadline, CancellationToken cancellationToken)
    {
        var finding = secondLevel.FindAsync(state.SharedKey!, state.Lead.Flight.Key, state.Outputs, deadline, cancellationToken);
        await UrgentEnd.Of(finding);
        state.Found = await finding.ConfigureAwait(false);
        return default;
    }

    /// <summary>Copies the inputs of the computation.</summary>
    /// <returns>Whether the copy is what it is about.</returns>
    private bool TryOwn(ref StageCall call, CacheCall state)
    {
        var started = time.GetTimestamp();
        try
        {
            state.Take(ref call, OwnedInputs.Copy(in call.Inputs));
            return hasher.TryHash(in call.Inputs, state.Outputs, out var key) && key.Of(version.Key) == state.Lead.Flight.Key;
        }
        catch
        {
            HandOver(state, withInputs: false);
            throw;
        }
        finally
        {
            state.CopyTicks = time.GetTimestamp() - started;
        }
    }

    /// <summary>
    /// The time that the run itself took, a row's share of its batch, if that is known. A caller's wait has queues in it, and the thread
    /// pool's other work.
    /// </summary>
    private long RunTicks(in PredictionOrigin origin, long waited) => origin.RunTime > TimeSpan.Zero
        ? (long)(origin.RunTime.TotalSeconds * time.TimestampFrequency / Math.Max(1, origin.BatchRows))
        : waited;

    private void Leave(CacheCall state, Prediction answer)
    {
        var lead = state.Lead;
        state.Lead = default;
        Follow(lead, answer);
    }

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
            benefit.Served();
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

    /// <summary>Lets one of those that wait compute in place of a call that gave up.</summary>
    /// <param name="state">The call.</param>
    /// <param name="withInputs">Whether the other goes on with the copy that was made when the request came.</param>
    private void HandOver(CacheCall state, bool withInputs)
    {
        var lead = state.Lead;
        state.Lead = default;
        if (_flights.Promote(lead, out var next) is not { } follower) return;

        OwnedInputs? own = null;
        if (withInputs) (own, state.Own) = (state.Own, null);
        follower.Succeed(next, own);
    }

    /// <summary>
    /// Whether another caller with an equal request may fare better: it has a deadline and a priority of its own, and another moment.
    /// </summary>
    private static bool IsForThisCallerAlone(PredictionStatus status) => status is
        PredictionStatus.Overloaded or PredictionStatus.DeadlineExceeded or PredictionStatus.RateLimited or PredictionStatus.Unauthenticated
            or PredictionStatus.Forbidden;
}
