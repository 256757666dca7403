namespace MlServe.Onnx.Rows;

/// <summary>Sums of products, as an equation says: an axis for each letter.</summary>
internal static class Einsum
{
    public static FlowValue Follow(NodeFlow flow)
    {
        FlowValue[] operands = [.. flow.Given];
        var hasRows = Array.Exists(operands, static operand => operand.IsRows);
        if (Array.Exists(operands, static operand => operand.Dims is null))
            return hasRows ? flow.Unclear("joins the rows with a value of unknown shape") : FlowValue.Shared(null);
        if (!TryParse(flow.Node.Text("equation", ""), operands, out var terms, out var output))
            return flow.Unclear("has an equation that is not understood");

        var sizes = new Dictionary<string, Size>();
        string? rowLabel = null;
        FlowValue? rows = null;
        for (var i = 0; i < operands.Length; i++)
        {
            for (var axis = 0; axis < terms[i].Count; axis++)
            {
                var label = terms[i][axis];
                var size = operands[i].Dims![axis];
                sizes[label] = sizes.TryGetValue(label, out var known) ? Broadcasting.Combine(flow.Symbols, known, size) : size;
            }

            if (!operands[i].IsRows) continue;
            var own = terms[i][operands[i].Axis];
            if (terms[i].Count(label => label == own) > 1) return flow.Breaks("takes a diagonal along the axis of the rows");
            if (rowLabel is not null && rowLabel != own) return flow.Breaks("pairs each row with every other");
            if (rows is not null && rows.Outer != operands[i].Outer) return flow.MeetsOtherOrder();
            (rowLabel, rows) = (own, operands[i]);
        }

        if (output.Exists(label => !sizes.ContainsKey(label))) return flow.Unclear("has an equation that is not understood");
        Size[] dims = [.. output.Select(label => sizes[label])];
        if (rowLabel is null) return FlowValue.Shared(dims);
        for (var i = 0; i < operands.Length; i++)
        {
            for (var axis = 0; axis < terms[i].Count; axis++)
            {
                if (terms[i][axis] != rowLabel || (operands[i].IsRows && operands[i].Axis == axis)) continue;
                if (!operands[i].Dims![axis].Is(1) || operands[i].IsRows)
                    return flow.MeetsFixedRows();
            }
        }

        var place = output.IndexOf(rowLabel);
        if (place < 0) return flow.Breaks("sums over the axis of the rows");
        dims[place] = rows!.Dims![rows.Axis];
        return output.Count(label => label == rowLabel) > 1
            ? flow.Breaks("makes a diagonal along the axis of the rows")
            : FlowValue.Rows(dims, place, rows.Outer);
    }

    /// <summary>The labels of all axes; those that an ellipsis stands for are named by their place from behind.</summary>
    private static bool TryParse(string equation, FlowValue[] operands, out List<List<string>> terms, out List<string> output)
    {
        terms = [];
        output = [];
        var sides = equation.Replace(" ", "", StringComparison.Ordinal).Split("->");
        var inputs = sides[0].Split(',');
        if (sides.Length > 2 || inputs.Length != operands.Length) return false;
        var most = 0;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (Labels(inputs[i], operands[i].Rank, ref most) is not { } labels || labels.Count != operands[i].Rank) return false;
            terms.Add(labels);
        }

        if (sides.Length == 2)
        {
            var hidden = sides[1].Contains("...", StringComparison.Ordinal) ? most : 0;
            var unused = 0;
            if (Labels(sides[1], sides[1].Replace("...", "", StringComparison.Ordinal).Length + hidden, ref unused) is not { } labels)
                return false;
            output = labels;
            return true;
        }

        // Without an arrow: what the ellipsis stands for, then the letters that stand once, in their order.
        output = [.. Enumerable.Range(0, most).Select(i => $"...{most - i}"),
            .. terms.SelectMany(static term => term).Where(static label => label.Length == 1)
            .GroupBy(static label => label).Where(static group => group.Count() == 1).Select(static group => group.Key)
            .Order(StringComparer.Ordinal)];
        return true;
    }

    private static List<string>? Labels(string text, int rank, ref int most)
    {
        var labels = new List<string>();
        var hidden = rank - text.Replace("...", "", StringComparison.Ordinal).Length;
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsAsciiLetter(text[i]))
            {
                labels.Add(text[i].ToString());
            }
            else if (text[i..].StartsWith("...", StringComparison.Ordinal) && hidden >= 0)
            {
                for (var place = hidden; place > 0; place--)
                    labels.Add($"...{place}");
                most = Math.Max(most, hidden);
                i += 2;
            }
            else
            {
                return null;
            }
        }

        return labels;
    }
}
