using static MlServe.TestModels.GraphWriter;

namespace MlServe.TestModels;

/// <summary>A small valid model for each of many operators with attributes. All take <c>x: float[batch, 4]</c> and give <c>y</c>.</summary>
public static class OperatorModels
{
    private static readonly long[] Image = [1, 2, 8, 8];

    public static IReadOnlyDictionary<string, byte[]> All { get; } = new Dictionary<string, byte[]>
    {
        ["Conv"] = Of(
            Node(
                "Conv", "image w", "big", Ints("kernel_shape", 3, 3), Ints("pads", 1, 1, 1, 1), Ints("strides", 1, 1),
                Ints("dilations", 1, 1), Int("group", 1)), Ramp("image", Image), Ramp("w", 4, 2, 3, 3)),
        ["Conv of groups"] = Of(
            Node("Conv", "image w", "big", Ints("kernel_shape", 3, 3), Int("group", 2), Text("auto_pad", "SAME_UPPER")),
            Ramp("image", Image), Ramp("w", 4, 1, 3, 3)),
        ["ConvTranspose"] = Of(
            Node(
                "ConvTranspose", "image w", "big", Ints("kernel_shape", 3, 3), Ints("strides", 2, 2), Ints("pads", 1, 1, 1, 1),
                Ints("output_padding", 1, 1), Ints("dilations", 1, 1), Int("group", 1)), Ramp("image", Image), Ramp("w", 2, 3, 3, 3)),
        ["ConvTranspose to a shape"] = Of(
            Node("ConvTranspose", "image w", "big", Ints("output_shape", 16, 16), Ints("strides", 2, 2)), Ramp("image", Image),
            Ramp("w", 2, 3, 3, 3)),
        ["MaxPool"] = Of(
            Node(
                "MaxPool", "image", "big i", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2), Ints("pads", 0, 0, 1, 1),
                Ints("dilations", 1, 1), Int("storage_order", 0), Int("ceil_mode", 0)), Ramp("image", Image)),
        ["AveragePool"] = Of(
            19,
            Node(
                "AveragePool", "image", "big", Ints("kernel_shape", 2, 2), Ints("pads", 1, 1, 1, 1), Ints("dilations", 1, 1),
                Int("count_include_pad", 1)), Ramp("image", Image)),
        ["LpPool"] = Of(Node("LpPool", "image", "big", Ints("kernel_shape", 2, 2), Int("p", 2)), Ramp("image", Image)),
        ["MaxUnpool"] = Of(
            Node("MaxUnpool", "image i", "big", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2)), Ramp("image", 1, 1, 2, 2),
            (5, LongTensor("i", [1, 1, 2, 2], [0, 3, 8, 15]))),
        ["LRN"] = Of(Node("LRN", "image", "big", Int("size", 3), Single("alpha", 0.1f)), Ramp("image", Image)),
        ["Resize"] = Of(
            Node(
                "Resize", "image - scales", "big", Text("mode", "cubic"), Text("coordinate_transformation_mode", "align_corners"),
                Single("cubic_coeff_a", -0.5f), Int("exclude_outside", 1)), Ramp("image", Image), Floats("scales", [4], 1, 1, 2, 2)),
        ["GridSample"] = Of(
            20, Node("GridSample", "image grid", "big", Text("mode", "cubic"), Text("padding_mode", "reflection"), Int("align_corners", 1)),
            Ramp("image", Image), Ramp("grid", 1, 4, 4, 2)),
        ["RoiAlign"] = Of(
            Node(
                "RoiAlign", "image roi i", "big", Int("output_height", 2), Int("output_width", 2), Int("sampling_ratio", 2),
                Single("spatial_scale", 1)), Ramp("image", Image), Floats("roi", [1, 4], 0, 0, 4, 4), Longs("i", 0)),
        ["MaxRoiPool"] = Of(
            Node("MaxRoiPool", "image roi", "big", Ints("pooled_shape", 2, 2)), Ramp("image", Image), Floats("roi", [1, 5], 0, 0, 0, 4, 4)),
        ["Col2Im"] = Of(
            18, Node("Col2Im", "columns size block", "big", Ints("dilations", 1, 1), Ints("pads", 0, 0, 0, 0), Ints("strides", 1, 1)),
            Ramp("columns", 1, 4, 9), Longs("size", 4, 4), Longs("block", 2, 2)),
        ["DepthToSpace"] = Of(Node("DepthToSpace", "image", "big", Int("blocksize", 2), Text("mode", "CRD")), Ramp("image", 1, 8, 2, 2)),
        ["SpaceToDepth"] = Of(Node("SpaceToDepth", "image", "big", Int("blocksize", 2)), Ramp("image", Image)),
        ["Einsum"] = Of(Node("Einsum", "a b", "big", Text("equation", "bij,bjk->bik")), Ramp("a", 2, 3, 4), Ramp("b", 2, 4, 5)),
        ["Einsum of a diagonal"] = Of(Node("Einsum", "a", "big", Text("equation", "...ii->...i")), Ramp("a", 2, 4, 4)),
        ["STFT"] = Of(
            Node("STFT", "signal step - length", "big", Int("onesided", 1)), Ramp("signal", 1, 64, 1), Long("step", 8), Long("length", 16)),
        ["STFT with a window"] = Of(
            Node("STFT", "signal step window", "big"), Ramp("signal", 1, 64, 1), Long("step", 8), Ramp("window", 16)),
        ["DFT"] = Of(
            Node("DFT", "signal n", "big", Int("axis", 1), Int("onesided", 0), Int("inverse", 0)), Ramp("signal", 1, 12, 2), Long("n", 12)),
        ["MelWeightMatrix"] = Of(
            Node("MelWeightMatrix", "bins length rate low high", "big", Int("output_datatype", 1)), Long("bins", 8), Long("length", 64),
            Long("rate", 8000), Floats("low", [], 0), Floats("high", [], 4000)),
        ["LSTM"] = Of(
            Node(
                "LSTM", "steps w r b", "big h c", Int("hidden_size", 3), Text("direction", "bidirectional"),
                Texts("activations", "Sigmoid", "Tanh", "Tanh", "Sigmoid", "Tanh", "Tanh"), Single("clip", 3), Int("input_forget", 0)),
            Ramp("steps", 4, 2, 5), Ramp("w", 2, 12, 5), Ramp("r", 2, 12, 3), Ramp("b", 2, 24)),
        ["GRU"] = Of(
            Node("GRU", "steps w r b", "big h", Int("hidden_size", 3), Int("linear_before_reset", 1), Int("layout", 0)),
            Ramp("steps", 4, 2, 5), Ramp("w", 1, 9, 5), Ramp("r", 1, 9, 3), Ramp("b", 1, 18)),
        ["RNN"] = Of(
            Node(
                "RNN", "steps w r", "big h", Int("hidden_size", 3), Texts("activations", "Affine"), Singles("activation_alpha", 0.5f),
                Singles("activation_beta", 0.1f)), Ramp("steps", 4, 2, 5), Ramp("w", 1, 3, 5), Ramp("r", 1, 3, 3)),
        ["Gather"] = Of(Node("Gather", "a i", "big", Int("axis", 1)), Ramp("a", 3, 4), Longs("i", 0, -1, 2)),
        ["GatherND"] = Of(Node("GatherND", "a i", "big", Int("batch_dims", 1)), Ramp("a", 2, 3, 4), (5, LongTensor("i", [2, 1], [1, 2]))),
        ["ScatterElements"] = Of(
            18, Node("ScatterElements", "a i u", "big", Int("axis", 1), Text("reduction", "add")), Ramp("a", 3, 4),
            (5, LongTensor("i", [1, 2], [1, 3])), Ramp("u", 1, 2)),
        ["ScatterND"] = Of(
            18, Node("ScatterND", "a i u", "big", Text("reduction", "mul")), Ramp("a", 4, 4), (5, LongTensor("i", [2, 1], [0, 2])),
            Ramp("u", 2, 4)),
        ["Slice"] = Of(
            Node("Slice", "a s e x1 t", "big"), Ramp("a", 4, 8), Longs("s", 0, -1), Longs("e", 3, -9), Longs("x1", 0, 1),
            Longs("t", 1, -2)),
        ["Pad"] = Of(
            18, Node("Pad", "a p v axes", "big", Text("mode", "reflect")), Ramp("a", 4, 8), Longs("p", 1, 2), Floats("v", [], 0),
            Longs("axes", 1)),
        ["Split"] = Of(18, Node("Split", "a", "big other", Int("axis", 1), Int("num_outputs", 2)), Ramp("a", 4, 8)),
        ["TopK"] = Of(Node("TopK", "a k", "big i", Int("axis", 1), Int("largest", 1), Int("sorted", 1)), Ramp("a", 4, 8), Longs("k", 3)),
        ["NonMaxSuppression"] = Of(
            Node("NonMaxSuppression", "boxes scores most iou score", "picked", Int("center_point_box", 0)),
            Node("Cast", "picked", "big", Int("to", 1)), Ramp("boxes", 1, 6, 4), Ramp("scores", 1, 2, 6), Long("most", 3),
            Floats("iou", [], 0.5f), Floats("score", [], 0.1f)),
        ["CumSum"] = Of(Node("CumSum", "a axis", "big", Int("exclusive", 1), Int("reverse", 1)), Ramp("a", 4, 8), Long("axis", 1)),
        ["ReverseSequence"] = Of(
            Node("ReverseSequence", "a l", "big", Int("batch_axis", 1), Int("time_axis", 0)), Ramp("a", 4, 4), Longs("l", 1, 2, 3, 4)),
        ["OneHot"] = Of(Node("OneHot", "i d v", "big", Int("axis", -1)), Longs("i", 1, -1, 3), Long("d", 5), Floats("v", [2], 0, 1)),
        ["Unique"] = Of(Node("Unique", "a", "big i n c", Int("axis", 0), Int("sorted", 1)), Ramp("a", 4, 2)),
        ["Trilu"] = Of(Node("Trilu", "a k", "big", Int("upper", 0)), Ramp("a", 4, 4), Long("k", -1)),
        ["Div of integers"] = Of(
            Node("Div", "a b", "q", []), Node("Cast", "q", "big", Int("to", 1)), Longs("a", 7, -7, 9), Longs("b", 2, 3, -4)),
        ["Mod of integers"] = Of(
            Node("Mod", "a b", "q", Int("fmod", 0)), Node("Cast", "q", "big", Int("to", 1)), Longs("a", 7, -7, 9), Longs("b", 2, 3, -4)),
        ["BitShift"] = Of(
            Node("BitShift", "a b", "q", Text("direction", "LEFT")), Node("Cast", "q", "big", Int("to", 1)), Bytes("a", 2, [1, 2, 3], 3),
            Bytes("b", 2, [1, 2, 3], 3)),
        ["QuantizeLinear"] = Of(
            21, Node("QuantizeLinear", "a s z", "q", Int("axis", 0), Int("block_size", 2)),
            Node("DequantizeLinear", "q s z", "big", Int("axis", 0), Int("block_size", 2)), Ramp("a", 4, 3), Ramp("s", 2, 3),
            Bytes("z", 2, new byte[6], 2, 3)),
        ["QLinearConv"] = Of(
            Node("QLinearConv", "a as az w as az as az", "q", Ints("kernel_shape", 2, 2), Ints("pads", 0, 0, 0, 0), Int("group", 1)),
            Node("DequantizeLinear", "q as az", "big"), Bytes("a", 2, new byte[32], 1, 2, 4, 4), Floats("as", [], 0.5f),
            Bytes("az", 2, [1]), Bytes("w", 2, new byte[24], 3, 2, 2, 2)),
        ["QLinearMatMul"] = Of(
            Node("QLinearMatMul", "a as az b as az as az", "q"), Node("DequantizeLinear", "q as az", "big"),
            Bytes("a", 2, new byte[6], 2, 3), Floats("as", [], 0.5f), Bytes("az", 2, [1]), Bytes("b", 2, new byte[12], 3, 4)),
        ["Attention"] = Of(
            23,
            Node(
                "Attention", "q k v", "big", Int("q_num_heads", 2), Int("kv_num_heads", 2), Int("is_causal", 1), Single("scale", 0.5f),
                Single("softcap", 1)), Ramp("q", 1, 4, 8), Ramp("k", 1, 6, 8), Ramp("v", 1, 6, 8)),
        ["RotaryEmbedding"] = Of(
            23, Node("RotaryEmbedding", "q c s i", "big", Int("num_heads", 2), Int("interleaved", 1), Int("rotary_embedding_dim", 4)),
            Ramp("q", 1, 4, 8), Ramp("c", 8, 2), Ramp("s", 8, 2), (5, LongTensor("i", [1, 4], [0, 1, 2, 3]))),
        ["GroupNormalization"] = Of(
            21, Node("GroupNormalization", "image w b", "big", Int("num_groups", 2), Single("epsilon", 1e-5f)), Ramp("image", 1, 4, 3, 3),
            Ramp("w", 4), Ramp("b", 4)),
        ["LayerNormalization"] = Of(
            Node("LayerNormalization", "a w b", "big", Int("axis", -1), Single("epsilon", 1e-5f), Int("stash_type", 1)), Ramp("a", 4, 8),
            Ramp("w", 8), Ramp("b", 8)),
        ["Attention of the runtime"] = Of(
            Own("Attention", "a w b", "big", Int("num_heads", 2), Int("unidirectional", 1), Single("scale", 0.5f)), Ramp("a", 1, 4, 8),
            Ramp("w", 8, 24), Ramp("b", 24)),
        ["Attention of the runtime, sizes"] = Of(
            Own("Attention", "a w b", "big", Int("num_heads", 2), Ints("qkv_hidden_sizes", 8, 8, 8), Single("mask_filter_value", -100)),
            Ramp("a", 1, 4, 8), Ramp("w", 8, 24), Ramp("b", 24)),
        ["MultiHeadAttention"] = Of(
            Own("MultiHeadAttention", "q k v b", "big", Int("num_heads", 2), Int("unidirectional", 0)), Ramp("q", 1, 4, 8),
            Ramp("k", 1, 6, 8), Ramp("v", 1, 6, 8), Ramp("b", 24)),
        ["GroupQueryAttention"] = Of(
            Own("GroupQueryAttention", "q k v - - l t", "big pk pv", Int(
                "num_heads", 4), Int("kv_num_heads", 2), Int("do_rotary", 0), Int("local_window_size", -1)), Ramp("q", 1, 4, 64),
            Ramp("k", 1, 4, 32), Ramp("v", 1, 4, 32), Bytes("l", 6, [3, 0, 0, 0], 1, 1), Bytes("t", 6, [4, 0, 0, 0], 1)),
        ["QAttention"] = Of(
            Own("QAttention", "a w b as ws mask az wz", "big", Int("num_heads", 2), Int("unidirectional", 0)),
            Bytes("a", 2, new byte[32], 1, 4, 8), Bytes("w", 2, new byte[192], 8, 24), Ramp("b", 24), Floats("as", [], 0.1f),
            Floats("ws", [], 0.1f), Bytes("mask", 6, [4, 0, 0, 0], 1), Bytes("az", 2, [0]), Bytes("wz", 2, [0])),
        ["MatMulNBits"] = Of(
            Own("MatMulNBits", "a w s", "big", Int("K", 32), Int("N", 4), Int("bits", 4), Int("block_size", 16), Int("accuracy_level", 0)),
            Ramp("a", 2, 32), Bytes("w", 2, new byte[64], 4, 2, 8), Ramp("s", 8)),
        ["FusedConv"] = Of(
            Own("FusedConv", "image w", "big", Ints(
                "kernel_shape", 3, 3), Text("activation", "LeakyRelu"), Singles("activation_params", 0.1f)), Ramp("image", Image),
            Ramp("w", 4, 2, 3, 3)),
        ["FusedMatMul"] = Of(
            Own("FusedMatMul", "a b", "big", Int("transA", 1), Int("transB", 0), Single("alpha", 0.5f), Int("transBatchA", 0)),
            Ramp("a", 4, 3), Ramp("b", 4, 5)),
        ["SkipLayerNormalization"] = Of(
            Own("SkipLayerNormalization", "a b w c", "big", Single("epsilon", 1e-5f)), Ramp("a", 1, 4, 8), Ramp("b", 1, 4, 8), Ramp("w", 8),
            Ramp("c", 8)),
        ["EmbedLayerNormalization"] = Of(
            Own("EmbedLayerNormalization", "ids - words places - w c", "big masks", Single("epsilon", 1e-5f)),
            Bytes("ids", 6, [0, 0, 0, 0, 1, 0, 0, 0], 1, 2), Ramp("words", 4, 8), Ramp("places", 4, 8), Ramp("w", 8), Ramp("c", 8)),
        ["NhwcMaxPool"] = Of(
            Own("NhwcMaxPool", "a", "q", Ints("kernel_shape", 2, 2), Ints("strides", 1, 1), Ints("pads", 0, 0, 0, 0)),
            Node("Cast", "q", "big", Int("to", 1)), Bytes("a", 2, new byte[32], 1, 4, 4, 2)),
        ["QLinearAveragePool"] = Of(
            Own("QLinearAveragePool", "a as az as az", "q", Ints("kernel_shape", 2, 2), Int("channels_last", 0)),
            Node("Cast", "q", "big", Int("to", 1)), Bytes("a", 2, new byte[32], 1, 2, 4, 4), Floats("as", [], 0.5f), Bytes("az", 2, [1])),
        ["QLinearConcat"] = Of(
            Own("QLinearConcat", "as az a as az a as az", "q", Int("axis", 1)), Node("Cast", "q", "big", Int("to", 1)),
            Bytes("a", 2, new byte[8], 2, 4), Floats("as", [], 0.5f), Bytes("az", 2, [1])),
        ["CropAndResize"] = Of(
            Own("CropAndResize", "image roi i size", "big", Text("mode", "bilinear"), Single("extrapolation_value", 0)),
            Ramp("image", Image), Floats("roi", [1, 4], 0, 0, 1, 1), Bytes("i", 6, [0, 0, 0, 0], 1),
            Bytes("size", 6, [2, 0, 0, 0, 2, 0, 0, 0], 2)),
        ["GridSample of the runtime"] = Of(
            Own("GridSample", "image grid", "big", Text("mode", "bilinear"), Text("padding_mode", "zeros"), Int("align_corners", 0)),
            Ramp("image", Image), Ramp("grid", 1, 4, 4, 2)),
        ["Tokenizer"] = Of(
            Own("Tokenizer", "s", "t", Int("mark", 1), Int("mincharnum", 1), Text("pad_value", "#"), Texts("separators", " ")),
            Node("Shape", "t", "shape"), Node("Cast", "shape", "big", Int("to", 1)),
            (5, new OnnxWriter().Integer(1, 1).Integer(2, 8).Text(6, "a few words").Text(8, "s"))),
        ["Trees"] = Of(Classical(
            "TreeEnsembleRegressor", "x", "big", Int("n_targets", 1), Ints("nodes_treeids", 0, 0, 0), Ints("nodes_nodeids", 0, 1, 2),
            Ints("nodes_featureids", 1, 0, 0), Singles("nodes_values", 0.5f, 0, 0),
            Texts("nodes_modes", "BRANCH_LEQ", "LEAF", "LEAF"), Ints("nodes_truenodeids", 1, 0, 0), Ints("nodes_falsenodeids", 2, 0, 0),
            Ints("target_treeids", 0, 0), Ints("target_nodeids", 1, 2), Ints("target_ids", 0, 0), Singles("target_weights", 1, 2),
            Text("post_transform", "NONE"))),
        ["Support vectors"] = Of(Classical(
            "SVMRegressor", "x", "big", Text("kernel_type", "RBF"), Singles("kernel_params", 0.1f, 0, 3),
            Singles("support_vectors", 1, 2, 3, 4, 5, 6, 7, 8), Singles("coefficients", 1, -1), Singles("rho", 0.5f),
            Int("n_supports", 2))),
        ["LinearClassifier"] = Of(Classical(
            "LinearClassifier", "x", "label big", Singles("coefficients", 1, 2, 3, 4, 5, 6, 7, 8), Singles("intercepts", 0, 1),
            Ints("classlabels_ints", 0, 1), Int("multi_class", 0), Text("post_transform", "SOFTMAX"))),
        ["OneHotEncoder"] = Of(Classical("OneHotEncoder", "i", "big", Ints("cats_int64s", 0, 1, 2), Int("zeros", 1)), Longs("i", 0, 2, 5)),
        ["TfIdfVectorizer"] = Of(
            Node(
                "TfIdfVectorizer", "i", "big", Text("mode", "TFIDF"), Int("min_gram_length", 1), Int("max_gram_length", 2),
                Int("max_skip_count", 1), Ints("ngram_counts", 0, 2), Ints("ngram_indexes", 0, 1, 2), Ints("pool_int64s", 1, 2, 1, 2),
                Singles("weights", 1, 2, 3)), Longs("i", 1, 2, 1)),
        ["Loop"] = Of(
            Node("Loop", "n - x", "big", Body("body", LoopBody(Float, [Node("Identity", "c", "co"), Node("Neg", "s", "so")]))),
            Long("n", 3)),
        ["Scan"] = Of(
            Node(
                "Scan", "first all", "big each", Int("num_scan_inputs", 1), Ints("scan_input_axes", 0), Ints("scan_input_directions", 0),
                Body("body", new OnnxWriter()
            .Message(1, Node("Add", "state step", "next").Item2).Message(1, Node("Neg", "next", "out").Item2).Text(2, "body")
            .Message(11, Value("state", Float, 3)).Message(11, Value("step", Float, 3)).Message(12, Value("next", Float, 3))
            .Message(12, Value("out", Float, 3)))), Ramp("first", 3), Ramp("all", 4, 3)),
        ["If"] = Of(
            Node(
                "If", "t", "big",
                Body("then_branch", new OnnxWriter().Message(1, Node("Neg", "x", "a").Item2).Text(2, "yes").Message(12, Value("a", Float))),
                Body("else_branch", new OnnxWriter().Message(1, Node("Abs", "x", "b").Item2).Text(2, "no").Message(12, Value("b", Float)))),
            Truth("t", true)),
    };

    private static byte[] Of(params (int, OnnxWriter)[] parts) => Of(17, parts);

    private static byte[] Of(long opset, params (int, OnnxWriter)[] parts) =>
        Model(Graph([.. parts, Node("ReduceMax", "big", "m", Int("keepdims", 0)), Node("Add", "x m", "y")]), opset);
}
