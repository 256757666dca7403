using MlServe.Tensors;

namespace MlServe.Onnx.Finite;

/// <summary>All of floating point in one output of an answer, for a look at the elements that are not finite.</summary>
internal sealed class FloatLeaves
{
    private readonly List<(ElementType Type, byte[] Bytes)> _tensors = [];

    private FloatLeaves()
    {
    }

    /// <summary>The kinds that are among the elements.</summary>
    public NonFiniteValues Kinds { get; private set; }

    /// <summary>Whether there is a finite element, which shows that there was something to compute.</summary>
    public bool HasFinite { get; private set; }

    public static FloatLeaves[] Of(in Prediction answer)
    {
        var leaves = new FloatLeaves[answer.Count];
        for (var i = 0; i < leaves.Length; i++)
        {
            leaves[i] = new();
            leaves[i].Add(answer.ValueAt(i));
        }

        return leaves;
    }

    /// <summary>Whether nothing is less finite here than in the answer to the good row, element by element.</summary>
    public bool IsAsGoodAs(FloatLeaves good)
    {
        if (Kinds == NonFiniteValues.None) return true;
        if ((Kinds & ~good.Kinds) != NonFiniteValues.None || _tensors.Count != good._tensors.Count) return false;
        for (var i = 0; i < _tensors.Count; i++)
        {
            var ((type, bytes), (goodType, goodBytes)) = (_tensors[i], good._tensors[i]);
            if (type != goodType || bytes.Length != goodBytes.Length) return false;
            for (var element = 0; element < bytes.Length / ElementTypes.SizeOf(type); element++)
            {
                if (FiniteScan.KindOf(type, bytes, element) is not NonFiniteValues.None and var kind
                    && kind != FiniteScan.KindOf(type, goodBytes, element))
                    return false;
            }
        }

        return true;
    }

    private void Add(OutputValue value)
    {
        foreach (var child in value.Children)
            Add(child);
        if (!FiniteScan.Knows(value.ElementType) || value.Length == 0) return;
        var bytes = value.Bytes.ToArray();
        _tensors.Add((value.ElementType, bytes));
        var kinds = FiniteScan.KindsOf(value.ElementType, bytes);
        Kinds |= kinds;
        HasFinite |= kinds == NonFiniteValues.None || HasFiniteIn(value.ElementType, bytes);
    }

    private static bool HasFiniteIn(ElementType type, byte[] bytes)
    {
        for (var element = 0; element < bytes.Length / ElementTypes.SizeOf(type); element++)
        {
            if (FiniteScan.KindOf(type, bytes, element) == NonFiniteValues.None) return true;
        }

        return false;
    }
}
