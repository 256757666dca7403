using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Verification;

/// <summary>
/// Runs a model that was made, as its users will, against its source as its author wrote it, without any of the runtime's optimizations. It
/// runs on samples if there are some, and on several lengths of the axes that callers choose. Values are usual, zero, small and large.
/// Nothing is written that was not run so.
/// </summary>
internal sealed class ResultCheck : IDisposable
{
    private const int Seed = 20261207;
    private const int MaxSamples = 4;

    private static readonly HashSet<string> Jumping = new(StringComparer.Ordinal)
    {
        "ArgMax", "ArgMin", "Bernoulli", "Cast", "Ceil", "Compress", "Equal", "Floor", "Greater", "GreaterOrEqual", "Hardmax", "Less",
        "LessOrEqual", "Mod", "NonMaxSuppression", "NonZero", "QuantizeLinear", "DynamicQuantizeLinear", "Round", "Sign", "Shrink",
        "ThresholdedRelu", "TopK", "Unique",
    };

    private readonly GraphSession _source;
    private readonly Lazy<GraphSession> _optimized;
    private readonly bool _isBrittle;
    private readonly IReadOnlyList<TrialInput> _trials;
    private readonly List<List<Answer>> _expected = [];
    private readonly string _obstacle;
    private readonly HashSet<string> _unstable = new(StringComparer.Ordinal);

    private ResultCheck(
        ModelProto source, GraphSession session, byte[] bytes, IReadOnlyList<EncodedSample> samples, CancellationToken cancellationToken)
    {
        _source = session;
        _optimized = new(() => GraphSession.Open(bytes, what: "The source"));
        _isBrittle = Graphs.Of(source).SelectMany(static graph => graph.Node).Any(static node => Jumping.Contains(node.OpType));
        (_trials, _obstacle) = FindTrials(samples, cancellationToken);
    }

    /// <summary>Opens a source and finds inputs that it takes.</summary>
    /// <exception cref="QuantizationException">The runtime does not open it.</exception>
    public static ResultCheck Of(ModelProto source, IReadOnlyList<EncodedSample> samples, CancellationToken cancellationToken)
    {
        var bytes = OnnxFile.ToBytes(source);
        GraphSession session;
        try
        {
            session = GraphSession.Open(bytes, GraphOptimizationLevel.ORT_DISABLE_ALL, what: "The source");
        }
        catch (QuantizationException)
        {
            // A few operators are there only after optimizations.
            session = GraphSession.Open(bytes, what: "The source");
        }

        try
        {
            return new(source, session, bytes, samples, cancellationToken);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    public CheckResult Run(byte[] model, Expectation expectation, CancellationToken cancellationToken)
    {
        GraphSession session;
        try
        {
            session = GraphSession.Open(model, what: "It");
        }
        catch (QuantizationException exception)
        {
            return new(CheckOutcome.NotHeld, exception.Message);
        }

        using (session)
            return Run(session, expectation, cancellationToken);
    }

    public void Dispose()
    {
        foreach (var trial in _trials)
            trial.Dispose();
        if (_optimized.IsValueCreated) _optimized.Value.Dispose();
        _source.Dispose();
    }

    private CheckResult Run(GraphSession model, Expectation expectation, CancellationToken cancellationToken)
    {
        if (!model.OutputNames.SequenceEqual(_source.OutputNames, StringComparer.Ordinal))
            return new(
                CheckOutcome.NotHeld,
                $"it has the outputs {string.Join(", ", model.OutputNames)}, and the source {string.Join(", ", _source.OutputNames)}");
        if (_trials.Count == 0) return new(CheckOutcome.NotMade, _obstacle);
        var evidence = new Dictionary<string, OutputEvidence>(StringComparer.Ordinal);
        for (var i = 0; i < _trials.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            List<Answer> given;
            try
            {
                given = Answer.Run(model.Session, _trials[i].Values);
            }
            catch (OnnxRuntimeException exception)
            {
                return new(
                    CheckOutcome.NotHeld,
                    $"it fails on an input that the source takes ({_trials[i].Label}; {_trials[i].Shape}): {exception.Message.Trim()}");
            }

            if (Add(evidence, i, given, expectation) is { } fault) return new(CheckOutcome.NotHeld, fault);
        }

        return Conclude(evidence.Values);
    }

    private string? Add(Dictionary<string, OutputEvidence> evidence, int trial, List<Answer> given, Expectation expectation)
    {
        var expected = _expected[trial];
        if (!expected.Select(static answer => answer.Name)
            .SequenceEqual(given.Select(static answer => answer.Name), StringComparer.Ordinal))
            return $"its outputs have other parts than the source's ({_trials[trial].Label}; {_trials[trial].Shape})";
        List<Answer>? optimized = null;
        for (var i = 0; i < expected.Count; i++)
        {
            var name = expected[i].Name.Split('[')[0];
            if (!evidence.TryGetValue(name, out var output))
            {
                evidence.Add(name, output = new(name, expectation));
                if (_unstable.Contains(name)) output.MarkUnstable();
            }

            if (expectation.IsExact && !IsSame(expected[i], given[i])) optimized ??= Optimized(_trials[trial]);
            output.Add(_trials[trial], expected[i], given[i], optimized?.ElementAtOrDefault(i), _isBrittle);
        }

        return null;
    }

    private static bool IsSame(Answer left, Answer right) =>
        left.Numbers is { } a && right.Numbers is { } b
            ? a.AsSpan().SequenceEqual(b)
            : left.Others is { } c && right.Others is { } d && c.AsSpan().SequenceEqual(d);

    private List<Answer>? Optimized(TrialInput trial)
    {
        try
        {
            return Answer.Run(_optimized.Value.Session, trial.Values);
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or QuantizationException)
        {
            return null;
        }
    }

    private CheckResult Conclude(IEnumerable<OutputEvidence> outputs)
    {
        var verdicts = outputs.Select(static output => output.Conclude()).ToList();
        foreach (var outcome in (CheckOutcome[])[CheckOutcome.NotHeld, CheckOutcome.NotMade])
        {
            if (verdicts.Exists(verdict => verdict.Outcome == outcome))
                return new(
                    outcome,
                    string.Join(
                        "; ", verdicts.Where(verdict => verdict.Outcome == outcome).Select(static verdict => verdict.Text).Take(3)));
        }

        var shapes = _trials.Select(static trial => trial.Shape).Distinct(StringComparer.Ordinal).Count();
        return new(
            CheckOutcome.Held,
            string.Create(
                CultureInfo.InvariantCulture,
                $"run against the source on {_trials.Count} inputs of {shapes} shape{(shapes == 1 ? "" : "s")}"));
    }

    private (IReadOnlyList<TrialInput> Trials, string Obstacle) FindTrials(
        IReadOnlyList<EncodedSample> samples, CancellationToken cancellationToken)
    {
        var finder = new TrialFinder(_source, samples, Seed);
        var trials = new List<TrialInput>();
        foreach (var trial in finder.Find(IsTaken, MaxSamples))
        {
            cancellationToken.ThrowIfCancellationRequested();
            trials.Add(trial);
        }

        return (trials, finder.Obstacle);
    }

    private bool IsTaken(TrialInput trial, out string problem)
    {
        problem = "";
        try
        {
            var answers = Answer.Run(_source.Session, trial.Values);
            if (_expected.Count == 0)
            {
                var again = Answer.Run(_source.Session, trial.Values);
                foreach (var (first, second) in answers.Zip(again))
                {
                    if (!first.Shape.AsSpan().SequenceEqual(second.Shape) || !IsSame(first, second))
                        _unstable.Add(first.Name.Split('[')[0]);
                }
            }

            _expected.Add(answers);
            return true;
        }
        catch (OnnxRuntimeException exception)
        {
            problem = exception.Message.Trim();
            return false;
        }
    }
}
