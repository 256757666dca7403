using System.Globalization;
using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>
/// Holds attributes, and constants that work like them, against what operators can bear. The runtime checks most of them itself. Of the
/// rest a wrong one is a division by zero, a loop of billions of steps or an access beyond an array. Each takes the process with it (ONNX
/// Runtime 1.31, each provoked by mutating models).
/// </summary>
internal static partial class AttributeRules
{
    private const long MaxSize = int.MaxValue;

    /// <summary>The most places of a window that is moved over something whose size is not known.</summary>
    private const double MaxWindow = 1 << 24;

    /// <summary>Attributes that are a number of 1 or more in every operator that has them.</summary>
    private static readonly HashSet<string> Positive = new(StringComparer.Ordinal)
    {
        "group", "num_heads", "q_num_heads", "kv_num_heads", "num_groups", "blocksize", "hidden_size", "num_outputs", "size",
        "conv_window_size", "embedding_size", "char_embedding_size", "output_height", "output_width", "sample_size", "mincharnum",
        "min_gram_length", "max_gram_length", "n_targets", "p", "window", "K", "N", "M", "bits", "sparse_block_size",
    };

    /// <summary>Attributes that are a number of 0 or more.</summary>
    private static readonly HashSet<string> NotNegative = new(StringComparer.Ordinal)
    {
        "block_size", "sampling_ratio", "max_skip_count", "num_scan_inputs", "rotary_embedding_dim", "batch_dims", "detect_positive",
        "n_supports", "storage_order", "ceil_mode", "count_include_pad",
    };

    /// <summary>Lists of numbers of 1 or more.</summary>
    private static readonly HashSet<string> PositiveLists = new(StringComparer.Ordinal)
    {
        "kernel_shape", "strides", "dilations", "pooled_shape", "output_shape",
    };

    /// <summary>Lists of numbers of 0 or more.</summary>
    private static readonly HashSet<string> NotNegativeLists = new(StringComparer.Ordinal)
    {
        "output_padding", "qkv_hidden_sizes", "scan_input_directions", "split",
    };

    private static readonly HashSet<string> Domains = new(StringComparer.Ordinal)
    {
        InspectionState.OnnxDomain, "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc", "ai.onnx.ml",
    };

    /// <summary>Inputs that have a number for each axis of what the operator makes.</summary>
    private static readonly Dictionary<string, int[]> ShapeInputs = new(StringComparer.Ordinal)
    {
        ["Reshape"] = [1],
        ["Expand"] = [1],
        ["ConstantOfShape"] = [0],
        ["Tile"] = [1],
        ["Pad"] = [1, 3],
        ["Resize"] = [1, 2, 3],
        ["Upsample"] = [1],
        ["Slice"] = [1, 2, 3, 4],
        ["Unsqueeze"] = [1],
        ["Squeeze"] = [1],
        ["CenterCropPad"] = [1],
        ["AffineGrid"] = [1],
    };

    private static readonly Dictionary<string, Action<NodeEstimate, string>> Operators = Build();

    /// <exception cref="ModelLoadException">The runtime would not bear the node.</exception>
    public static void Check(NodeEstimate node, string who)
    {
        if (!Domains.Contains(node.Node.Domain)) return;
        foreach (var attribute in node.Node.Attributes)
        {
            if (attribute.Reference is null) CheckAlone(attribute, who);
        }

        if (Operators.TryGetValue(node.Node.OpType, out var rule)) rule(node, who);
    }

    private static Dictionary<string, Action<NodeEstimate, string>> Build()
    {
        var rules = new Dictionary<string, Action<NodeEstimate, string>>(StringComparer.Ordinal);
        foreach (var name in (string[])["Conv", "ConvInteger", "FusedConv", "NhwcFusedConv", "QLinearConv", "ConvTranspose", "MaxPool",
            "AveragePool", "LpPool", "NhwcMaxPool", "QLinearAveragePool", "MaxUnpool"])
            rules.Add(name, CheckWindow);
        foreach (var name in (string[])["Attention", "MultiHeadAttention", "GroupQueryAttention", "QAttention",
            "DecoderMaskedMultiHeadAttention", "DecoderMaskedSelfAttention", "PackedAttention",
            "PackedMultiHeadAttention", "DecoderAttention", "SparseAttention", "LongformerAttention", "RotaryEmbedding", "PagedAttention",
            "GatedRelativePositionBias", "RelativePositionBias"])
            rules.Add(name, CheckHeads);
        rules.Add("Einsum", CheckEquation);
        rules.Add("STFT", CheckFrames);
        rules.Add("Split", CheckParts);
        rules.Add("LayerNormalization", CheckOptionalBias);
        rules.Add("SimplifiedLayerNormalization", CheckOptionalBias);
        rules.Add("Div", CheckQuotient);
        rules.Add("Mod", CheckQuotient);
        rules.Add("MatMulNBits", CheckBlocks);
        rules.Add("GatherBlockQuantized", CheckBlocks);
        rules.Add("Col2Im", CheckColumns);
        foreach (var name in (string[])["Max", "Min", "Sum", "Mean", "Concat", "SequenceConstruct", "QLinearConcat"])
            rules.Add(name, CheckVariadic);
        foreach (var name in ShapeInputs.Keys)
            rules.Add(name, CheckRankOfShape);
        return rules;
    }

    private static void CheckAlone(GraphAttribute attribute, string who)
    {
        if (attribute.Kind == GraphAttributeKind.Int)
        {
            var least = Positive.Contains(attribute.Name) ? 1 : NotNegative.Contains(attribute.Name) ? 0 : (int?)null;
            if (least is not null && (attribute.Int < least || attribute.Int > MaxSize))
                throw Wrong(who, attribute.Name, Text(attribute.Int), $"a number of {least} to {MaxSize}");
        }

        if (attribute is { Kind: GraphAttributeKind.Ints, Ints: { } numbers })
        {
            var least = PositiveLists.Contains(attribute.Name) ? 1
                : NotNegativeLists.Contains(attribute.Name) ? 0
                : attribute.Name == "pads" ? -MaxSize
                : (long?)null;
            if (least is not null && Array.Exists(numbers, number => number < least || number > MaxSize))
                throw Wrong(who, attribute.Name, $"[{string.Join(',', numbers.Take(16))}]", $"numbers of {least} to {MaxSize}");
        }

        // Where long lists are not kept, nobody reads them.
        if (attribute is { Kind: GraphAttributeKind.Ints, Ints: null }
            && (PositiveLists.Contains(attribute.Name) || attribute.Name == "pads"))
            throw Wrong(who, attribute.Name, $"{attribute.Count} numbers", "one for each axis");
    }

    private static void CheckWindow(NodeEstimate node, string who)
    {
        var rank = node.Ints("kernel_shape")?.Length ?? (node.In(0) is { IsLeastRank: false, Rank: { } known and >= 2 } ? known - 2 : null);
        if (rank is not { } axes) return;
        foreach (var (name, expected) in (ReadOnlySpan<(string, int)>)[("strides", axes), ("dilations", axes), ("pads", 2 * axes),
            ("output_padding", axes)])
        {
            if (node.Ints(name) is { Length: > 0 } list && list.Length != expected)
                throw Wrong(who, name, $"{list.Length} numbers", $"{expected}, as many as there are axes");
        }

        if (node.Ints("output_shape") is { } output && node.Node.OpType == "ConvTranspose" && output.Length != axes
            && output.Length != axes + 2)
            throw Wrong(who, "output_shape", $"{output.Length} numbers", $"{axes}, as many as there are axes");
        if (node.Ints("kernel_shape") is not { } kernel) return;
        if (kernel.Aggregate(1.0, static (places, size) => places * size) > MaxWindow)
            throw Wrong(who, "kernel_shape", $"[{string.Join(',', kernel)}]", $"at most {MaxWindow} places in all");

        // What it makes would have no elements, by which operators behind it divide.
        if (node.In(0) is not { IsLeast: false, Dims: [_, _, .. var space] } || space.Length != kernel.Length
            || node.Node.Text("auto_pad", "NOTSET") is not ("NOTSET" or "VALID") || node.Node.OpType is "ConvTranspose" or "MaxUnpool")
            return;
        for (var i = 0; i < kernel.Length; i++)
        {
            var reach = ((kernel[i] - 1) * (double)ShapeRules.At(node.Ints("dilations"), i, 1)) + 1;
            if (space[i] > 0 && space[i] + ShapeRules.PadsOf(node, i, kernel.Length) < reach)
                throw Wrong(
                    who, "kernel_shape", $"[{string.Join(',', kernel)}]",
                    $"a window that fits into the padded input, of {space[i]} on axis {i + 2}");
        }
    }

    private static void CheckHeads(NodeEstimate node, string who)
    {
        const long MaxHeads = 65_536;
        foreach (var name in (ReadOnlySpan<string>)["num_heads", "q_num_heads", "kv_num_heads"])
        {
            if (node.Node.Find(name) is { Kind: GraphAttributeKind.Int, Reference: null } heads && heads.Int > MaxHeads)
                throw Wrong(who, name, Text(heads.Int), $"at most {MaxHeads} heads");
        }

        var asking = node.Int("q_num_heads", node.Int("num_heads", 1));
        var kept = node.Int("kv_num_heads", asking);
        if (kept > 0 && asking % kept != 0) throw Wrong(who, "kv_num_heads", Text(kept), $"a number that divides the {asking} heads");
        if (node.In(0) is not { IsLeast: false, Dims: [_, _, > 0 and var width] } || asking < 1) return;

        // Three axes: the heads lie side by side in the last one. What Attention of the runtime takes is not parted yet.
        if (node.Node.OpType is "Attention" && node.Node.IsStandard && width % asking != 0)
            throw Wrong(who, "q_num_heads", Text(asking), $"a number that divides the width {width}");
    }

    private static void CheckFrames(NodeEstimate node, string who)
    {
        if (node.In(1) is { IsLeast: false, Numbers: [var step] } && !(step is double.NaN or >= 1))
            throw Wrong(who, "frame_step", Text(step), "1 or more");
        if (node.In(3) is { IsLeast: false, Numbers: [var length] } && !(length is double.NaN or >= 1))
            throw Wrong(who, "frame_length", Text(length), "1 or more");
        if (node.In(2) is { IsLeast: false, Dims: [0] }) throw Wrong(who, "window", "no elements", "1 or more");
    }

    private static void CheckParts(NodeEstimate node, string who)
    {
        var outputs = node.Node.Outputs.Length;
        if (node.Node.Find("num_outputs") is { Kind: GraphAttributeKind.Int, Reference: null } count && count.Int != outputs)
            throw Wrong(who, "num_outputs", Text(count.Int), $"{outputs}, as many as it has");
        var sizes = node.Numbers(1, "split");
        if (sizes is not null && sizes.Length != outputs)
            throw Wrong(who, "split", $"{sizes.Length} sizes", $"{outputs}, one for each output");
        if (sizes is not null && !node.In(1).IsLeast && Array.Exists(sizes, static size => size < 0))
            throw Wrong(who, "split", $"[{string.Join(',', sizes.Take(16))}]", "sizes of 0 or more");
    }

    /// <summary>A bias that is named and left out: the runtime reads one that is not there.</summary>
    private static void CheckOptionalBias(NodeEstimate node, string who)
    {
        if (node.Node.Inputs is [_, _, ""]) throw Wrong(who, "input B", "an empty name", "a name, or no input at all");
    }

    /// <summary>The processor traps if the smallest integer is divided by -1.</summary>
    private static void CheckQuotient(NodeEstimate node, string who)
    {
        if (!IntegerDivision.IsTrapping(node)) return;
        var (dividend, divisor) = (node.In(0), node.In(1));
        if (!dividend.IsConstant || !divisor.IsConstant || !IntegerDivision.MayBeSmallest(dividend)
            || !IntegerDivision.MayBeMinusOne(divisor))
            return;
        throw Wrong(
            who, "constants", $"the smallest integer ({dividend.Type.ToString().ToLowerInvariant()}) and -1",
            "a quotient that the type can hold");
    }

    private static void CheckBlocks(NodeEstimate node, string who)
    {
        if (node.Node.Find("block_size") is { Kind: GraphAttributeKind.Int, Reference: null } block
            && (block.Int < 1 || !long.IsPow2(block.Int)))
            throw Wrong(who, "block_size", Text(block.Int), "a power of two");
        if (node.Int("bits", 4) is var bits && bits is < 1 or > 8) throw Wrong(who, "bits", Text(bits), "1 to 8");
    }

    private static void CheckVariadic(NodeEstimate node, string who)
    {
        // The runtime takes each of them for given.
        if (Array.Exists(node.Node.Inputs, static name => name.Length == 0))
            throw Wrong(who, "inputs", "an empty name among them", "a name for each");
    }

    /// <summary>The runtime makes room for as many axes as there are numbers, and asks nobody whether that can be.</summary>
    private static void CheckRankOfShape(NodeEstimate node, string who)
    {
        const long MaxNumbers = 256;
        foreach (var input in ShapeInputs[node.Node.OpType])
        {
            if (node.In(input).Dims is [var numbers] && numbers > MaxNumbers)
                throw Wrong(who, $"input {input}", $"{numbers} numbers", $"at most {MaxNumbers}, one for each axis");
        }
    }

    private static void CheckColumns(NodeEstimate node, string who)
    {
        for (var input = 1; input <= 2; input++)
        {
            if (node.In(input) is { IsLeast: false, Numbers: { } sizes } && Array.Exists(sizes, static size => size < 1))
                throw Wrong(who, input == 1 ? "image_shape" : "block_shape", $"[{string.Join(',', sizes.Take(16))}]", "sizes of 1 or more");
        }
    }

    private static ModelLoadException Wrong(string who, string what, string found, string expected) =>
        Refusals.Malformed(who, $"{Refusals.Quote(what)} of {found}", expected);

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
