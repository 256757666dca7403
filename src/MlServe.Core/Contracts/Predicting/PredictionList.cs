using System.Collections;

namespace MlServe;

/// <summary>The answers to many requests, in their order. Disposing it disposes all of them.</summary>
public sealed class PredictionList : IReadOnlyList<Prediction>, IDisposable
{
    private readonly Prediction[] _predictions;

    internal PredictionList(Prediction[] predictions) => _predictions = predictions;

    /// <inheritdoc />
    public int Count => _predictions.Length;

    /// <inheritdoc />
    public Prediction this[int index] => _predictions[index];

    /// <inheritdoc />
    public IEnumerator<Prediction> GetEnumerator() => ((IEnumerable<Prediction>)_predictions).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Disposes all answers.</summary>
    public void Dispose()
    {
        foreach (var prediction in _predictions)
            prediction.Dispose();
    }
}
