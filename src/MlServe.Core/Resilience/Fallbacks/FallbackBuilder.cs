using System.Diagnostics.CodeAnalysis;

namespace MlServe.Resilience;

/// <summary>
/// Says who answers in a model's place, and in which order: a simpler model, an earlier answer, a constant, a function. Not safe for
/// concurrent use.
/// </summary>
public sealed class FallbackBuilder
{
    private readonly List<FallbackStep> _steps = [];

    /// <summary>The most that <see cref="After"/> takes: a day.</summary>
    public static TimeSpan LongestDelay { get; } = TimeSpan.FromDays(1);

    /// <summary>The steps so far, in order.</summary>
    [Experimental("MLSERVE001")]
    public IReadOnlyList<FallbackStep> Steps => _steps;

    /// <summary>Another model of the same host, which takes the same inputs and gives the same outputs.</summary>
    /// <param name="model">Its name.</param>
    /// <returns>This builder.</returns>
    public FallbackBuilder To(string model)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(model);
        return Add(new ModelStep(model));
    }

    /// <summary>Another predictor, for pipelines that are built by hand; it is not disposed.</summary>
    /// <param name="predictor">The predictor; one without telemetry, or the caller is counted twice.</param>
    /// <param name="name">Its name in metrics; null: that of its <see cref="ModelIdentity"/>.</param>
    /// <returns>This builder.</returns>
    public FallbackBuilder To(IPredictor predictor, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        return Add(new ModelStep(name ?? predictor.GetService<ModelIdentity>()?.Name ?? "predictor", predictor));
    }

    /// <summary>
    /// Asks the model that was named last as well if the first has not answered for so long (hedging). It must be the first of the chain.
    /// The first good answer wins, and the other request is cancelled. Costs memory for each request, and a second run for each that is
    /// late: set it near the 99th percentile.
    /// </summary>
    /// <param name="delay">How long, greater than zero, up to a day.</param>
    /// <returns>This builder.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="delay"/> is not within that range.</exception>
    /// <exception cref="InvalidOperationException">No model was named, or one is not the first of the chain.</exception>
    public FallbackBuilder After(TimeSpan delay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(delay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(delay, LongestDelay);
        if (_steps is not [ModelStep first])
            throw new InvalidOperationException(
                "After(delay) stands directly behind the first To(model) of a chain: only the first is asked beside the model.");
        _steps[0] = first.AskedAfter(delay);
        return this;
    }

    /// <summary>An earlier answer of the model to an equal request, however old: needs <c>UseCache</c>.</summary>
    /// <returns>This builder.</returns>
    public FallbackBuilder ThenStaleAnswer() => Add(new StaleAnswerStep());

    /// <summary>The same row for every request. Called again directly behind, it adds another output to the same answer.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits: the type of the model's
    /// output.</typeparam>
    /// <param name="output">The name of the model's output.</param>
    /// <param name="row">The elements of one row.</param>
    /// <returns>This builder.</returns>
    public FallbackBuilder ThenValue<T>(string output, params T[] row)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(row);
        StepFor(output).Add(output, row);
        return this;
    }

    /// <summary>The same map for every request, beside the values of <see cref="ThenValue"/> for the model's other outputs.</summary>
    /// <typeparam name="TKey">long, another type of integers, or string: the type of the model's keys.</typeparam>
    /// <typeparam name="TValue">The type of the model's values.</typeparam>
    /// <param name="output">The name of the model's output, which is a map.</param>
    /// <param name="entries">Its entries; must not change.</param>
    /// <returns>This builder.</returns>
    public FallbackBuilder ThenMap<TKey, TValue>(string output, IReadOnlyDictionary<TKey, TValue> entries)
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(output);
        OutputWriting.CheckMap(entries);
        StepFor(output).AddMap(output, entries);
        return this;
    }

    /// <summary>
    /// The same row for every request, as configuration has it. The numbers take the types of the model's outputs when it is loaded, and
    /// are float until then. Always a step of its own.
    /// </summary>
    /// <param name="rows">The elements of one row of each output, by its name.</param>
    /// <param name="maps">The entries of outputs that are maps, by the output's name, with their keys as texts; null: there are
    /// none.</param>
    /// <returns>This builder.</returns>
    /// <exception cref="ArgumentException">An output is given a value twice.</exception>
    public FallbackBuilder ThenNumbers(
        IEnumerable<KeyValuePair<string, double[]>> rows,
        IEnumerable<KeyValuePair<string, IReadOnlyDictionary<string, double>>>? maps = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var step = new ValueStep();
        foreach (var (output, row) in rows)
            step.AddNumbers(output, row);
        foreach (var (output, entries) in maps ?? [])
            step.AddMap(output, new MapValue(entries));
        return Add(step);
    }

    /// <summary>A function of the application. An exception is taken for a failure, and the next is asked.</summary>
    /// <param name="answer">Answers, with the rest of the caller's time; must be safe for concurrent use.</param>
    /// <returns>This builder.</returns>
    [SuppressMessage("Naming", "CA1716", Justification = "The word of the chain.")]
    public FallbackBuilder Then(Func<PredictionInputs, PredictionOptions?, CancellationToken, ValueTask<Prediction>> answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return Add(new DelegateStep(answer));
    }

    private ValueStep StepFor(string output)
    {
        if (_steps is not [.., ValueStep step]) Add(step = new ValueStep());
        return step.Outputs.Contains(output, StringComparer.Ordinal)
            ? throw new ArgumentException($"Output '{output}' is given a value twice.", nameof(output))
            : step;
    }

    private FallbackBuilder Add(FallbackStep step)
    {
        _steps.Add(step);
        return this;
    }
}
