namespace MlServe.Onnx.Safety;

/// <content>The equation of an Einsum.</content>
internal static partial class AttributeRules
{
    private static void CheckEquation(NodeEstimate node, string who)
    {
        if (node.Node.Find("equation") is not { Reference: null } attribute)
            throw Wrong(who, "equation", "nothing", "an equation such as 'ij,jk->ik'");
        var equation = attribute.Text
            ?? throw Wrong(who, "equation", "a text that is too long, or no text", "an equation such as 'ij,jk->ik'");
        var text = equation.Replace(" ", "", StringComparison.Ordinal);
        var sides = text.Split("->");
        if (sides.Length > 2) throw Bad("two arrows");
        var terms = sides[0].Split(',');
        if (terms.Length != node.Node.Inputs.Length) throw Bad($"{terms.Length} terms for {node.Node.Inputs.Length} inputs");
        var isSpread = false;
        int? spread = null;
        for (var i = 0; i < terms.Length; i++)
        {
            var letters = Letters(terms[i], out var hasEllipsis);
            isSpread |= hasEllipsis;
            if (node.In(i) is not { IsLeastRank: false, Rank: { } rank }) continue;
            if (hasEllipsis ? letters.Length > rank : letters.Length != rank) throw Bad($"{letters.Length} letters for {rank} axes");

            // Of terms that stretch over different numbers of axes the runtime reads beyond its arrays.
            if (!hasEllipsis) continue;
            if (spread is { } other && other != rank - letters.Length) throw Bad("'...' for different numbers of axes");
            spread = rank - letters.Length;
        }

        if (sides.Length == 1) return;
        var known = string.Concat(terms);
        var output = Letters(sides[1], out var isOutputSpread);
        if (isOutputSpread && !isSpread) throw Bad("'...' in the result alone");
        if (output.Distinct().Count() != output.Length) throw Bad("a letter twice in the result");
        if (output.Any(letter => !known.Contains(letter, StringComparison.Ordinal))) throw Bad("a letter in the result that no input has");

        ModelLoadException Bad(string what) =>
            Wrong(who, "equation", $"{Refusals.Quote(equation)}, with {what}", "an equation such as 'ij,jk->ik'");

        string Letters(string term, out bool hasEllipsis)
        {
            var at = term.IndexOf("...", StringComparison.Ordinal);
            hasEllipsis = at >= 0;
            var letters = hasEllipsis ? term.Remove(at, 3) : term;
            return letters.All(char.IsAsciiLetter) ? letters : throw Bad("something else than letters");
        }
    }
}
