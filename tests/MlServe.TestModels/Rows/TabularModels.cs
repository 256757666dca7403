namespace MlServe.TestModels;

/// <summary>Models of tables, as converters of scikit-learn and of boosted trees write them.</summary>
internal static class TabularModels
{
    private const string Ml = "ai.onnx.ml";

    public static RowModel Create(Sketch s)
    {
        var width = s.Random.Next(2, 7);
        var batch = s.Pick("", "batch", "N");
        s.Root.Input("X", OnnxModel.Float, batch, width);
        List<RowInput> inputs = [new("X", 0, random => RowTensor.Of(Values.Normal(random, width), 1, width))];
        var x = "X";
        if (s.Chance(0.4)) x = s.NodeIn(Ml, "Scaler", [x], ("offset", Numbers(s, width, 0.5f)), ("scale", Numbers(s, width, 1)));
        if (s.Chance(0.3)) x = s.NodeIn(Ml, "Normalizer", [x], ("norm", s.Pick("L1", "L2", "MAX")));
        if (s.Chance(0.2))
            x = s.NodeIn(Ml, "Imputer", [x], ("imputed_value_floats", Numbers(s, width, 1)), ("replaced_value_float", float.NaN));
        switch (s.Random.Next(4))
        {
            case 0:
                IndependentModels.Output(s, "variable", Trees(s, x, width), batch, 1);
                break;
            case 1:
                IndependentModels.Output(
                    s, "y",
                    s.NodeIn(
                        Ml, "LinearRegressor", [x], ("coefficients", Numbers(s, 2 * width, 1)), ("intercepts", Numbers(s, 2, 1)),
                        ("targets", 2)), batch, 2);
                break;
            case 2:
                Classify(s, x, width, batch, zips: true);
                break;
            default:
                Classify(s, x, width, batch, zips: false);
                break;
        }

        return new("tables", s.Root.ToBytes(), inputs, IsDependent: false, null);
    }

    private static void Classify(Sketch s, string x, int width, string batch, bool zips)
    {
        var (label, scores) = (s.Name(), s.Name());
        s.Root.NodeIn(
            Ml, "LinearClassifier", [x], [label, scores], ("coefficients", Numbers(s, 3 * width, 1)), ("intercepts", Numbers(s, 3, 1)),
            ("classlabels_ints", new long[] { 0, 1, 2 }), ("multi_class", 1), ("post_transform", s.Pick("SOFTMAX", "NONE", "LOGISTIC")));
        s.Root.Node("Cast", [label], ["label"], ("to", OnnxModel.Int64)).Output("label", OnnxModel.Int64, s.Pick<object>(batch, 1));
        if (!zips)
        {
            IndependentModels.Output(s, "probabilities", scores, batch, 3);
            return;
        }

        s.Root.NodeIn(Ml, "ZipMap", [scores], ["probabilities"], ("classlabels_int64s", new long[] { 0, 1, 2 }))
            .OutputOfMaps("probabilities", OnnxModel.Int64, OnnxModel.Float);
    }

    /// <summary>Trees of two levels.</summary>
    private static string Trees(Sketch s, string x, int width)
    {
        var trees = s.Random.Next(1, 5);
        List<long> tree = [], node = [], feature = [], yes = [], no = [], leafTree = [], leafNode = [];
        List<float> value = [], weight = [];
        List<string> mode = [];
        for (var i = 0; i < trees; i++)
        {
            for (var j = 0; j < 7; j++)
            {
                var isLeaf = j > 2;
                tree.Add(i);
                node.Add(j);
                feature.Add(isLeaf ? 0 : s.Random.Next(width));
                value.Add(isLeaf ? 0 : s.Random.NextSingle() - 0.5f);
                mode.Add(isLeaf ? "LEAF" : "BRANCH_LEQ");
                yes.Add(isLeaf ? 0 : (2 * j) + 1);
                no.Add(isLeaf ? 0 : (2 * j) + 2);
                if (!isLeaf) continue;
                leafTree.Add(i);
                leafNode.Add(j);
                weight.Add(s.Random.NextSingle() * 2);
            }
        }

        return s.NodeIn(Ml, "TreeEnsembleRegressor", [x],
            ("nodes_treeids", tree.ToArray()), ("nodes_nodeids", node.ToArray()), ("nodes_featureids", feature.ToArray()),
            ("nodes_values", value.ToArray()), ("nodes_modes", mode.ToArray()), ("nodes_truenodeids", yes.ToArray()),
            ("nodes_falsenodeids", no.ToArray()), ("target_treeids", leafTree.ToArray()), ("target_nodeids", leafNode.ToArray()),
            ("target_ids", new long[leafNode.Count]), ("target_weights", weight.ToArray()), ("n_targets", 1));
    }

    private static float[] Numbers(Sketch s, int count, float scale) => Values.Normal(s.Random, count, scale);
}
