using System.Diagnostics;

namespace MlServe;

/// <summary>
/// The answer to one request: outputs, or the reason why there are none. A small struct over pooled memory: dispose it when its outputs
/// have been read, best with <c>using</c>.
/// </summary>
/// <remarks>
/// After disposal every member that reads outputs throws <see cref="ObjectDisposedException"/>, and never shows another request's answer. A
/// span taken before disposal is outside that promise: do not keep one. A prediction that is never disposed costs a garbage collection and
/// is counted by the metric <c>mlserve.prediction.abandoned</c>. Reading is safe from several threads as long as none of them disposes.
/// <c>default(Prediction)</c> has the status <see cref="PredictionStatus.Failed"/>.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public readonly struct Prediction : IDisposable
{
    // A PredictionState where there is an answer, a PredictionError where there is none.
    private readonly object? _content;
    private readonly int _generation;

    internal Prediction(PredictionState state)
    {
        _content = state;
        _generation = state.Generation;
    }

    private Prediction(PredictionError error) => _content = error;

    /// <summary>Whether there is an answer.</summary>
    public bool IsOk => _content is PredictionState;

    /// <summary>How the prediction ended.</summary>
    public PredictionStatus Status => _content switch
    {
        PredictionState => PredictionStatus.Ok,
        PredictionError error => error.Status,
        _ => PredictionStatus.Failed,
    };

    /// <summary>Why there is no answer.</summary>
    /// <exception cref="InvalidOperationException">There is one: <see cref="IsOk"/>.</exception>
    public PredictionError Error => _content switch
    {
        PredictionError error => error,
        null => PredictionError.Uninitialized,
        _ => throw new InvalidOperationException("The prediction is Ok and has no error. Look at IsOk first."),
    };

    /// <summary>When the caller may try again, if the prediction is not Ok and that is known.</summary>
    public TimeSpan? RetryAfter => (_content as PredictionError)?.RetryAfter;

    /// <summary>The origin of the answer and what it took; of an error, only the model that did not answer, if that is known.</summary>
    /// <exception cref="ObjectDisposedException">The prediction has been disposed.</exception>
    public PredictionOrigin Origin => _content switch
    {
        PredictionState => OkState().Origin,
        PredictionError { Model: { } model } => new() { Model = model },
        _ => default,
    };

    /// <summary>The number of outputs.</summary>
    /// <exception cref="PredictionException">The prediction is not Ok.</exception>
    /// <exception cref="ObjectDisposedException">The prediction has been disposed.</exception>
    public int Count => OkState().Count;

    /// <summary>An output by its position among those that were computed, in the model's order.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="PredictionException">The prediction is not Ok.</exception>
    /// <exception cref="ObjectDisposedException">The prediction has been disposed.</exception>
    public PredictionOutput this[int index]
    {
        get
        {
            var state = OkState();
            if ((uint)index >= (uint)state.Count)
                throw new ArgumentOutOfRangeException(nameof(index), index, $"The prediction has {state.Count} outputs.");
            return new(state, _generation, state[index]);
        }
    }

    /// <summary>An output by its name.</summary>
    /// <param name="name">The name of the model's output.</param>
    /// <exception cref="KeyNotFoundException">There is no such output, or it was not asked for.</exception>
    /// <exception cref="PredictionException">The prediction is not Ok.</exception>
    /// <exception cref="ObjectDisposedException">The prediction has been disposed.</exception>
    public PredictionOutput this[string name]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(name);
            var state = OkState();
            for (var i = 0; i < state.Count; i++)
            {
                if (state[i].Name == name) return new(state, _generation, state[i]);
            }

            throw NoSuchOutput(state, name);
        }
    }

    /// <summary>Makes a prediction that is not Ok.</summary>
    /// <param name="error">Why there is no answer.</param>
    public static Prediction FromError(PredictionError error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return new(error);
    }

    /// <summary>Throws unless there is an answer, as <see cref="HttpResponseMessage.EnsureSuccessStatusCode"/> does.</summary>
    /// <returns>The same prediction.</returns>
    /// <exception cref="PredictionException">The prediction is not Ok.</exception>
    public Prediction EnsureOk()
    {
        if (!IsOk) throw new PredictionException(Error);
        return this;
    }

    /// <summary>Gives the memory of the outputs back. More than once is allowed and does nothing.</summary>
    public void Dispose() => (_content as PredictionState)?.Return(_generation);

    /// <summary>Sets the origin of the answer anew. Only the owner of the prediction does this.</summary>
    internal void SetOrigin(in PredictionOrigin origin) => OkState().Origin = origin;

    /// <summary>Whether both are one answer, to be disposed once.</summary>
    internal bool IsSameAs(in Prediction other) => ReferenceEquals(_content, other._content) && _generation == other._generation;

    /// <summary>The storage of an output.</summary>
    internal OutputValue ValueAt(int index) => OkState()[index];

    // Apart, because the closure would be allocated on every call of the indexer.
    private static KeyNotFoundException NoSuchOutput(PredictionState state, string name)
    {
        var known = string.Join(", ", Enumerable.Range(0, state.Count).Select(i => $"'{state[i].Name}'"));
        var nearest = new NearestName(name, Enumerable.Range(0, state.Count).Select(i => state[i].Name));
        return new($"The prediction has no output '{name}'.{nearest} It has: {known}.");
    }

    private PredictionState OkState()
    {
        if (_content is not PredictionState state) throw new PredictionException(Error);
        ObjectDisposedException.ThrowIf(state.Generation != _generation, typeof(Prediction));
        return state;
    }

    /// <summary>The value in a line for people who debug: names, types and shapes, never an element. Never throws.</summary>
    public override string ToString() => Describing.Of(in this);
}
