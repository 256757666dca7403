namespace MlServe.Batching;

/// <summary>
/// Whether filling up pays, as measured: the time of runs for each element that came, with and without it, in turn. A curve of costs
/// proposes lengths, and this has the last word, because a line through the costs of small runs promises more than larger ones keep.
/// Safe for one thread at a time.
/// </summary>
internal sealed class FillDuel
{
    /// <summary>
    /// After so many intervals the other way is looked at again: after one at first, because what came before may have been measured while
    /// batches still grew, then after twice as many each time.
    /// </summary>
    private const int MostIntervals = 16;

    /// <summary>Filling makes lanes of its own and a longer answer for some: it has to save something.</summary>
    private const double WorthwhileShare = 0.98;

    private double _filled;
    private double _unfilled;
    private int _since;
    private int _lookAgain = 1;
    private double _meanLength;

    /// <summary>Learns what an interval took.</summary>
    /// <param name="wasFilled">Whether requests were filled up.</param>
    /// <param name="timeOfElement">The time of runs over the elements that came, in any unit.</param>
    /// <param name="meanLength">The mean length of its requests. If it moves by a fifth, all begins anew: an element of longer requests
    /// takes another time.</param>
    /// <returns>Whether to fill up in the next interval.</returns>
    public bool Next(bool wasFilled, double timeOfElement, double meanLength)
    {
        if (Math.Abs(meanLength - _meanLength) > 0.2 * _meanLength) (_filled, _unfilled, _since, _lookAgain) = (0, 0, 0, 1);
        _meanLength = meanLength;
        ref var known = ref wasFilled ? ref _filled : ref _unfilled;
        known = _lookAgain < MostIntervals || known == 0 ? timeOfElement : (known + timeOfElement) / 2;
        if (_unfilled == 0) return false;
        if (_filled == 0) return true;
        var pays = _filled < WorthwhileShare * _unfilled;
        if (++_since < _lookAgain) return pays;
        (_since, _lookAgain) = (0, Math.Min(MostIntervals, 2 * _lookAgain));
        return !pays;
    }
}
