namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>Whether the greatest scores of rows are at the same places.</summary>
internal sealed class ClassTally
{
    private const int Top = 5;

    private double _agreed;
    private double _top;

    public long Rows { get; private set; }

    public double? Agreement => Rows == 0 ? null : _agreed / Rows;

    /// <summary>
    /// The mean share of the source's five best classes that are among the model's; null if there are no more classes than that.
    /// </summary>
    public double? TopAgreement { get; private set; }

    public double AgreementLow => Confidence.LowerShare(_agreed, Rows);

    /// <summary>Adds a row of one place or more, of which each has the same weight.</summary>
    /// <param name="source">The scores of the source, the classes of a place together.</param>
    /// <param name="model">Those of the model.</param>
    /// <param name="classes">How many classes there are.</param>
    /// <param name="isKept">Whether a place counts.</param>
    public void Add(ReadOnlySpan<double> source, ReadOnlySpan<double> model, int classes, Func<int, bool> isKept)
    {
        double agreed = 0, top = 0;
        var places = 0;
        for (var place = 0; place * classes < source.Length; place++)
        {
            if (!isKept(place)) continue;
            var expected = source.Slice(place * classes, classes);
            var actual = model.Slice(place * classes, classes);
            var best = Greatest(expected);

            // Where the source puts no class before another, no answer would be wrong.
            if (best < 0 || !expected.ContainsAnyExcept(expected[best])) continue;
            places++;
            var chosen = Greatest(actual);

            // Of equal scores either may be the greatest.
            if (chosen >= 0 && expected[chosen] >= expected[best]) agreed++;
            if (classes > Top) top += Overlap(expected, actual);
        }

        if (places == 0) return;
        Rows++;
        _agreed += agreed / places;
        _top += top / places;
        if (classes > Top) TopAgreement = _top / Rows;
    }

    /// <summary>The place of the greatest value, the first of equal ones; -1 if there is none.</summary>
    private static int Greatest(ReadOnlySpan<double> row)
    {
        var best = -1;
        for (var i = 0; i < row.Length; i++)
        {
            if (!double.IsNaN(row[i]) && (best < 0 || row[i] > row[best])) best = i;
        }

        return best;
    }

    private static double Overlap(ReadOnlySpan<double> source, ReadOnlySpan<double> model)
    {
        Span<int> expected = stackalloc int[Top], actual = stackalloc int[Top];
        Best(source, expected);
        Best(model, actual);
        var same = 0;
        foreach (var place in expected)
        {
            if (actual.Contains(place)) same++;
        }

        return (double)same / Top;
    }

    private static void Best(ReadOnlySpan<double> row, Span<int> places)
    {
        places.Fill(-1);
        for (var i = 0; i < row.Length; i++)
        {
            var at = places.Length;
            while (at > 0 && (places[at - 1] < 0 || row[i] > row[places[at - 1]]))
                at--;
            if (at == places.Length) continue;
            places[at..^1].CopyTo(places[(at + 1)..]);
            places[at] = i;
        }
    }
}
