using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Rewriting;

public class TablesTests
{
    private const int Rows = 1200;
    private const int Columns = 64;

    private static readonly QuantizationPlan Plan = Trial.Plan() with { StoresTables = true };

    [Theory]
    [InlineData(0)]
    [InlineData(-2)]
    public void Rewrite_TableOfWords_IsAQuarterAndClose(int axis)
    {
        var model = Model(axis).ToBytes();
        var written = Trial.Read(model);

        Assert.Equal(["pick"], Tables.Rewrite(written, Plan));

        var bytes = OnnxFile.ToBytes(written);
        Assert.InRange(bytes.Length / (double)model.Length, 0.2, 0.3);
        Assert.True(ModelRun.Snr(ModelRun.Floats(model)!, ModelRun.Floats(bytes)!) > 40);

        // In memory too: the runtime does not turn the whole table to float.
        Assert.Contains(ModelRun.Parse(bytes).Graph.Initializer, static tensor => tensor.DataType == (int)TensorProto.Types.DataType.Int8);
        Assert.Contains("Cast", ModelRun.Optimized(bytes));
    }

    [Theory]
    [InlineData("columns")]
    [InlineData("tied")]
    [InlineData("output")]
    [InlineData("excluded")]
    [InlineData("not asked")]
    [InlineData("not finite")]
    public void Rewrite_NotATableAlone_Stays(string why)
    {
        var model = Model(why == "columns" ? 1 : 0, why == "not finite" ? float.NaN : 1);
        if (why == "tied")
            model.Output("z", OnnxModel.Float, "n", Rows)
                .Input("h", OnnxModel.Float, "n", Columns)
                .Node("Transpose", ["table"], ["turned"])
                .Node("MatMul", ["h", "turned"], ["z"]);
        if (why == "output") model.Output("table", OnnxModel.Float, Rows, Columns);
        var proto = Trial.Read(model.ToBytes());
        foreach (var node in proto.Graph.Node.Where(static node => node.OpType == "Gather"))
            node.Name = "pick";
        var before = proto.Clone();

        Assert.Empty(Tables.Rewrite(
            proto, Plan with { StoresTables = why != "not asked", ExcludedNodes = why == "excluded" ? ["pick"] : [] }));

        Assert.Equal(before, proto);
    }

    [Fact]
    public void Rewrite_TwoReaders_ShareTheTable()
    {
        var model = Model(0)
            .Input("more", OnnxModel.Int64, "k")
            .Output("z", OnnxModel.Float, "k", Columns)
            .Node("Gather", ["table", "more"], ["z"])
            .ToBytes();
        var written = Trial.Read(model);

        Assert.Equal(2, Tables.Rewrite(written, Plan).Count);

        Assert.Single(written.Graph.Initializer, static tensor => tensor.DataType == (int)TensorProto.Types.DataType.Int8);
        Assert.True(ModelRun.Snr(ModelRun.Floats(model)!, ModelRun.Floats(OnnxFile.ToBytes(written))!) > 40);
    }

    private static OnnxModel Model(int axis, float last = 1)
    {
        var table = SmallModels.Random(Rows * Columns);
        table[^1] = last;
        return new OnnxModel().Input("ids", OnnxModel.Int64, "n", "t")
            .Output("pick", OnnxModel.Float)
            .Initializer("table", table, Rows, Columns)
            .Node("Gather", ["table", "ids"], ["pick"], ("axis", axis));
    }
}
