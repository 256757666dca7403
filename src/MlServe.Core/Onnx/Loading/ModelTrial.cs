using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx.Finite;
using MlServe.Onnx.Inspection;
using MlServe.Onnx.Probing;
using MlServe.Onnx.Profiles;

namespace MlServe.Onnx;

/// <summary>
/// Opens a model and tries it: finds its batch axis, warms it up, and learns what it is to be trusted with. For one load; blocks.
/// </summary>
internal sealed class ModelTrial(
    SessionOpener opener, GraphStudy study, OnnxModelInfo info, ModelIdentity identity, OnnxModelOptions options, ModelLoadContext context,
    Action<string> stage)
{
    private const string Stateful = "The model is not deterministic, or keeps state:";

    /// <summary>
    /// Opens and tries the model. If it answers nothing because of a node that the runtime made of several, it is opened again with less
    /// optimization. An answer a little later is better than none, and it is said.
    /// </summary>
    /// <param name="cache">The store of optimized models; null: they are not kept.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="ModelLoadException">It does not open, the user's sample inputs fail, or options contradict the model.</exception>
    public TriedModel Run(OptimizedModelCache? cache, CancellationToken cancellationToken)
    {
        TriedModel? first = null;
        ModelLoadException? failed = null;
        string text;
        try
        {
            first = Try(opener.Open(cache, cancellationToken), options.Optimization, cache?.Profiles, cancellationToken);
            if (first.Refusals.Count == 0) return first;
            text = TextOf(first.Refusals[0]);
        }
        catch (ModelLoadException exception) when (exception is { Failure: ModelLoadFailure.WarmUpFailed, InnerException: not null })
        {
            failed = exception;
            text = exception.InnerException.Message;
        }

        TriedModel? lowered = null;
        try
        {
            lowered = IsOptimizersFault(text) ? TryLowered(text, cancellationToken) : null;
        }
        catch
        {
            first?.Opened.Session.Retire();
            throw;
        }

        if (lowered is not null)
        {
            first?.Opened.Session.Retire();
            return lowered;
        }

        if (failed is not null) throw failed;
        return first! with
        {
            Failure = $"It answered none of the {first.Refusals.Count} rows that were made up for it: {text} If they are no valid inputs, "
                + "state OnnxModelOptions.SampleInputs; "
                + "if requests fail as well, lower OnnxModelOptions.Optimization or export the model anew.",
        };
    }

    private TriedModel? TryLowered(string text, CancellationToken cancellationToken)
    {
        if (options.Optimization <= GraphOptimization.Basic) return null;
        TriedModel? tried = null;
        try
        {
            tried = Try(opener.Open(GraphOptimization.Basic, cancellationToken), GraphOptimization.Basic, null, cancellationToken);
        }
        catch (ModelLoadException)
        {
            // What the first try showed is what is told.
            return null;
        }

        if (tried.Refusals.Count == 0)
        {
            return tried with
            {
                Failure = $"With Optimization = {options.Optimization} it answers nothing, because of what the runtime makes of its "
                    + $"graph: {text} It is served with Optimization = Basic. "
                    + "State that in OnnxModelOptions, or update the package of the native runtime.",
            };
        }

        tried.Opened.Session.Retire();
        return null;
    }

    private TriedModel Try(
        OpenedModel opened, GraphOptimization optimization, ModelProfileStore? profiles, CancellationToken cancellationToken)
    {
        try
        {
            opened.Session.Guards = InputGuards.Of(info);
            var declared = ReadSignature(opened.Session.Session);
            return TryRemembered(opened, declared, optimization, profiles, cancellationToken)
                ?? Try(opened, declared, optimization, profiles, cancellationToken);
        }
        catch
        {
            opened.Session.Retire();
            throw;
        }
    }

    /// <summary>Warms a model up whose trials are remembered.</summary>
    /// <returns>Null if they are not, or the model does not answer the row that they found.</returns>
    private TriedModel? TryRemembered(
        OpenedModel opened, ModelSignature declared, GraphOptimization optimization, ModelProfileStore? profiles,
        CancellationToken cancellationToken)
    {
        if (profiles?.TryRead(cancellationToken) is not { } profile) return null;
        if (study.Facts.Unrepeatable is not null || profile.ToFinding(declared) is not { } finding)
        {
            profiles.Forget("it is not one of this model");
            return null;
        }

        var runs = new TrialRuns(context.RunGate, context.Clock, context.IsCheck, cancellationToken);
        IReadOnlyList<string> untried = [];
        if (profile.Untried.Length > 0)
        {
            // A busy machine, or a slow model, left these without their time. This load has all of it for them.
            stage("being tried with numbers that are not finite");
            (var tried, _, untried) = TryNonFinite(
                opened.Session, profile.TakingAll().ToFinding(declared)!, runs, study.Facts, context.Clock.GetTimestamp());
            finding = profile.With(tried.Signature).ToFinding(declared)!;
        }

        var executor = NewExecutor(opened.Session, finding);
        stage("being warmed up");
        var row = new RowSearch(executor, options, runs, study.Facts).Make(profile.Row);
        if (row is null || WarmUp(executor, runs, row, out var isAnswered, cancellationToken) is not null || !isAnswered)
        {
            executor.CloseIdle();
            profiles.Forget("the model does not answer as it did when it was tried");
            return null;
        }

        if (!untried.SequenceEqual(profile.Untried)) profiles.Write(ModelProfile.Of(finding, untried, profile.Row));
        opened.Session.Blame.Learn(finding.Signature, study.Facts, []);
        return new(opened, executor, finding, optimization) { IsRemembered = true };
    }

    private TriedModel Try(
        OpenedModel opened, ModelSignature declared, GraphOptimization optimization, ModelProfileStore? profiles,
        CancellationToken cancellationToken)
    {
        stage("being tried for its batch axis");
        var session = opened.Session;
        var started = context.Clock.GetTimestamp();
        var facts = study.Facts;
        var runs = options.RunAtLoad ? new TrialRuns(context.RunGate, context.Clock, context.IsCheck, cancellationToken) : null;
        Func<ModelSignature, ITrial>? open = runs is null ? null : candidate => new TrialLanes(session, candidate, identity, options, runs);
        var finding = new BatchAxisProbe(
            declared, options, open, new TrialBudget(context.Clock, cancellationToken), study.Follow, facts,
            RowDependence.Find(info)).Find();
        if (facts.Unrepeatable is { } culprit) finding = Unrepeatable(finding, $"{Stateful} {culprit.Node} {culprit.Reason}.");
        cancellationToken.ThrowIfCancellationRequested();
        stage("being tried with numbers that are not finite");
        (finding, var found, var untried) = TryNonFinite(session, finding, runs, facts, started);

        var executor = NewExecutor(session, finding);
        var tried = new TriedModel(opened, executor, finding, optimization);
        if (runs is null) return tried;
        stage("being warmed up");
        var unrepeatable = WarmUp(executor, runs, found.Row, out var isAnswered, cancellationToken);
        session.Blame.Learn(finding.Signature, facts, found.Refusals);
        tried = tried with { Refusals = found.Refusals };
        if (unrepeatable is null && isAnswered && found.Number is { } number) profiles?.Write(ModelProfile.Of(finding, untried, number));
        if (unrepeatable is null || !finding.Signature.AnswersAreRepeatable) return tried;

        // The lanes that are warm tell callers of the signature from before.
        executor.CloseIdle();
        finding = Unrepeatable(finding, $"{Stateful} output '{unrepeatable}' is another one when one row is run again.");
        executor = NewExecutor(session, finding);
        WarmUp(executor, runs, found.Row, out _, cancellationToken);
        return tried with { Executor = executor, Finding = finding };
    }

    private string? WarmUp(
        OnnxExecutor executor, TrialRuns runs, PredictionInputs? row, out bool isAnswered, CancellationToken cancellationToken)
    {
        executor.SampleRequest = row;
        var isReleased = options.WarmUpRuns > 0 && executor.ReleaseWorkingMemory(
            context.RunGate, context.Clock, runsAgain: executor.Session.Count > 1, cancellationToken);
        var warmUp = new WarmUp(executor, options, runs);
        var unrepeatable = warmUp.Run(row, isReleased ? 1 : 0);
        isAnswered = warmUp.IsAnswered;
        return unrepeatable;
    }

    /// <summary>Finds a row that the model takes, and what it takes, and answers, besides finite numbers.</summary>
    private (BatchAxisFinding Finding, FoundRow Found, IReadOnlyList<string> Untried) TryNonFinite(
        OnnxSession session, BatchAxisFinding finding, TrialRuns? runs, GraphFacts facts, long started)
    {
        var executor = new OnnxExecutor(session, finding.Signature, identity, options, foreseesOutputs: false);
        try
        {
            var found = runs is null ? FoundRow.None : new RowSearch(executor, options, runs, facts).Find();
            var trials = new FinitenessTrials(executor, options, runs, facts, context.Clock, started);
            var signature = trials.Find(found);
            if (trials.Untried.Count > 0) LogMessages.NonFiniteUntried(context.Logger, context.Name, string.Join(", ", trials.Untried));
            return (finding with { Signature = signature }, found, trials.Untried);
        }
        finally
        {
            executor.CloseIdle();
        }
    }

    private OnnxExecutor NewExecutor(OnnxSession session, BatchAxisFinding finding)
    {
        var executor = new OnnxExecutor(session, finding.Signature, identity, options)
        {
            WeightBytes = info.InitializerBytes,
        };
        session.OnClosing(executor.CloseIdle);
        return executor;
    }

    private ModelSignature ReadSignature(InferenceSession session)
    {
        try
        {
            return SignatureReader.Read(session, info);
        }
        catch (ArgumentException exception)
        {
            throw new ModelLoadException(
                ModelLoadFailure.InvalidGraph, $"Model '{context.Name}' cannot be served: {exception.Message}", exception);
        }
    }

    /// <summary>Whether a run failed at a node that the runtime has made of several of the file's.</summary>
    private bool IsOptimizersFault(string text)
    {
        var (opType, name) = OrtErrors.NodeOf(text);
        return opType.Length > 0 && study.IsRead && !study.Facts.HasNode(opType, name);
    }

    private static string TextOf(PredictionError refusal) => refusal.Exception?.Message ?? refusal.Message;

    private static BatchAxisFinding Unrepeatable(BatchAxisFinding finding, string reason) => finding with
    {
        Signature = finding.Signature.AnswersAreRepeatable
            ? finding.Signature.WithoutRepeatableAnswers($"{reason} {finding.Signature.BatchingNote}")
            : finding.Signature,
        Reason = reason,
        Evidence = finding.Evidence == RowEvidence.None ? RowEvidence.None : RowEvidence.Dependent,
    };
}
