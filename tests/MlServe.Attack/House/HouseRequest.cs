namespace MlServe.Attack.House;

/// <summary>A request as it is drawn.</summary>
/// <param name="Rows">The rows that are asked for; none if it is not a right request.</param>
/// <param name="IsWrong">Whether it must be refused.</param>
/// <param name="IsNotFinite">Whether it holds a number that is not finite: it may be refused, and its answer is not held.</param>
internal sealed record HouseRequest(
    PredictionInputs Inputs, PredictionOptions? Options, int[] Rows, bool IsWrong, bool IsNotFinite)
{
    private const int MostRows = 9;

    public static HouseRequest Draw(HouseComposition composition, HouseModels models, Random random)
    {
        var options = DrawOptions(composition, random);
        switch (random.Next(40))
        {
            case 0:
                return new(PredictionInputs.Row(new double[models.Rows[0].Length]), options, [], true, false);
            case 1 when !models.HasLengths:
                return new(PredictionInputs.Row(new float[models.Rows[0].Length + 1]), options, [], true, false);
            case 2:
                return new(PredictionInputs.Row(PredictionInput.Tensor("nobody", models.Rows[0])), options, [], true, false);
            case 3:
                return new(
                    PredictionInputs.Row(models.Rows[0].ToArray()), (options ?? new()) with { Outputs = ["nobody"] }, [], true, false);
            case 4:
                var row = models.Rows[random.Next(models.Rows.Length)].ToArray();
                row[random.Next(row.Length)] = float.NaN;
                return new(PredictionInputs.Row(row), options, [], false, true);
        }

        // Few rows are asked for often, so that caches have hits and flights have company.
        var first = random.Next(2) == 0 ? random.Next(4) : random.Next(models.Rows.Length);
        var same = Enumerable.Range(0, models.Rows.Length).Where(i => models.Rows[i].Length == models.Rows[first].Length).ToArray();
        int[] rows = random.Next(8) > 0
            ? [first]
            : [.. Enumerable.Range(0, random.Next(1, MostRows)).Select(_ => same[random.Next(same.Length)])];
        float[] values = [.. rows.SelectMany(i => models.Rows[i])];
        return new(
            rows.Length == 1 ? PredictionInputs.Row(values) : PredictionInputs.Rows(values, rows.Length), options, rows, false, false);
    }

    private static PredictionOptions? DrawOptions(HouseComposition composition, Random random)
    {
        var priority = composition["priorities"] == "mixed" && random.Next(3) == 0 ? RequestPriority.Bulk : RequestPriority.Normal;
        TimeSpan? timeout = random.Next(12) switch
        {
            0 => TimeSpan.FromMicroseconds(random.Next(1, 3000)),
            1 => TimeSpan.FromSeconds(30),
            _ => null,
        };
        return priority == RequestPriority.Normal && timeout is null ? null : new() { Priority = priority, Timeout = timeout };
    }
}
