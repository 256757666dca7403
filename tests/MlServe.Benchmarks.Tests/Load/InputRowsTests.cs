using MlServe.Onnx;
using MlServe.Tensors;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Load;

public sealed class InputRowsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlserve-load");

    [Fact]
    public async Task FindAsync_FixedShapes_MakesDistinctRowsTheModelAnswers()
    {
        await using var model = await LoadAsync(OnnxModel.Mlp(1, 4, 16, 3));

        var rows = await InputRows.FindAsync(model, null, Sizes(), 1, CancellationToken.None);

        Assert.Equal(64, rows.Count);
        Assert.NotEqual(await AnswerAsync(model, rows[0]), await AnswerAsync(model, rows[1]));
    }

    [Fact]
    public async Task FindAsync_SameSeed_MakesTheSameRows()
    {
        await using var model = await LoadAsync(OnnxModel.Mlp(1, 4, 16, 3));

        var first = await InputRows.FindAsync(model, null, Sizes(), 3, CancellationToken.None);
        var second = await InputRows.FindAsync(model, null, Sizes(), 3, CancellationToken.None);

        Assert.Equal(await AnswerAsync(model, first[7]), await AnswerAsync(model, second[7]));
    }

    [Fact]
    public void Make_FreeAxis_NamesTheOptionThatGivesItsSize()
    {
        var signature = FreeLength();

        var exception = Assert.Throws<LoadException>(() => MadeUpRows.Make(signature, new(Sizes()), 1, 10));

        Assert.Contains("--dim sequence=SIZE", exception.Message, StringComparison.Ordinal);
        Assert.Equal(64, MadeUpRows.Make(signature, new(Sizes("sequence=8")), 1, 10).Count);
    }

    [Theory]
    [InlineData("sequence")]
    [InlineData("=4")]
    [InlineData("sequence=0")]
    [InlineData("sequence=-1")]
    [InlineData("sequence=x")]
    public void Parse_NotANameAndASize_SaysWhatItTakes(string text) =>
        Assert.Contains("--dim sequence=128", Assert.Throws<LoadException>(() => RowShape.Parse([text])).Message, StringComparison.Ordinal);

    [Fact]
    public void Make_NoTensor_Throws()
    {
        var signature = new ModelSignature(
            [new() { Name = "x", Kind = ValueKind.Sequence }], [new() { Name = "y", Kind = ValueKind.Tensor }]);

        Assert.Throws<LoadException>(() => MadeUpRows.Make(signature, new(Sizes()), 1, 10));
    }

    [Fact]
    public async Task FindAsync_File_GivesItsRowsInOrder()
    {
        await using var model = await LoadAsync(OnnxModel.Mlp(1, 4, 16, 3));
        float[][] values = [[1, 2, 3, 4], [5, 6, 7, 8], [-1, 0, 1, 0]];
        var path = Write([.. values.SelectMany(static row => row).SelectMany(BitConverter.GetBytes)]);

        var rows = await InputRows.FindAsync(model, path, Sizes(), 1, CancellationToken.None);

        Assert.Equal(3, rows.Count);
        for (var i = 0; i < values.Length; i++)
            Assert.Equal(await AnswerAsync(model, PredictionInputs.Row(values[i])), await AnswerAsync(model, rows[i]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(17)]
    public async Task FindAsync_FileOfOtherLength_SaysHowLongARowIs(int bytes)
    {
        await using var model = await LoadAsync(OnnxModel.Mlp(1, 4, 16, 3));

        var exception = await Assert.ThrowsAsync<LoadException>(async () =>
            await InputRows.FindAsync(model, Write(new byte[bytes]), Sizes(), 1, CancellationToken.None));

        Assert.Contains("16 bytes", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FindAsync_ModelFails_SaysWhatItSaid()
    {
        var exception = await Assert.ThrowsAsync<LoadException>(async () =>
            await InputRows.FindAsync(new FakePredictor(static _ => new(FakePredictor.Failed)), null, Sizes(), 1, CancellationToken.None));

        Assert.Contains("a fault of the test", exception.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static ModelSignature FreeLength() => new(
        [new()
        {
            Name = "ids",
            Kind = ValueKind.Tensor,
            ElementType = ElementType.Int64,
            BatchAxis = 0,
            Shape = [Dimension.Free("batch"), Dimension.Free("sequence")],
        }],
        [new() { Name = "y", Kind = ValueKind.Tensor, ElementType = ElementType.Float, BatchAxis = 0, Shape = [Dimension.Free("batch")] }]);

    private static IReadOnlyDictionary<string, long> Sizes(params string[] dimensions) => RowShape.Parse(dimensions);

    private static async Task<OnnxPredictor> LoadAsync(byte[] bytes) => await OnnxPredictor.LoadAsync(ModelSource.FromBytes(bytes));

    private static async Task<float[]> AnswerAsync(OnnxPredictor model, PredictionInputs row)
    {
        using var prediction = await model.PredictAsync(row);
        return prediction.EnsureOk()[0].ToArray<float>();
    }

    private string Write(byte[] bytes)
    {
        var path = Path.Combine(_folder.FullName, $"{Guid.NewGuid()}.bin");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
