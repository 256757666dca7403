using CsCheck;

namespace MlServe.Tensors;

public sealed class RowCopyTests
{
    private static readonly Gen<(int Blocks, int RowLength, int SourceCapacity, int TargetCapacity, int A, int B, int C)> Cases =
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, 5], Gen.Int[0, 7], Gen.Int[0, 7], Gen.Int[0, 100], Gen.Int[0, 100], Gen.Int[0, 100]);

    [Fact]
    public void Copy_AnyRows_EqualsCopyingOneByOne() => Cases.Sample(c =>
    {
        var rows = c.A % (Math.Min(c.SourceCapacity, c.TargetCapacity) + 1);
        var sourceRow = c.B % (c.SourceCapacity - rows + 1);
        var targetRow = c.C % (c.TargetCapacity - rows + 1);
        var source = Enumerable.Range(1, c.Blocks * c.SourceCapacity * c.RowLength).ToArray();
        var target = new int[c.Blocks * c.TargetCapacity * c.RowLength];
        var expected = (int[])target.Clone();
        for (var block = 0; block < c.Blocks; block++)
        {
            for (var row = 0; row < rows; row++)
            {
                for (var i = 0; i < c.RowLength; i++)
                    expected[At(block, c.TargetCapacity, targetRow + row, c.RowLength)
                        + i] = source[At(block, c.SourceCapacity, sourceRow + row, c.RowLength) + i];
            }
        }

        RowCopy.Copy<int>(source, c.SourceCapacity, sourceRow, target, c.TargetCapacity, targetRow, rows, c.Blocks, c.RowLength);
        Assert.Equal(expected, target);
    });

    [Fact]
    public void Compact_AnyRows_LeavesTheRowsTogether() => Cases.Sample(c =>
    {
        var rows = c.A % (c.SourceCapacity + 1);
        var tensor = Enumerable.Range(1, c.Blocks * c.SourceCapacity * c.RowLength).ToArray();
        var expected = new List<int>();
        for (var block = 0; block < c.Blocks; block++)
            expected.AddRange(tensor.Skip(At(block, c.SourceCapacity, 0, c.RowLength)).Take(rows * c.RowLength));
        RowCopy.Compact(tensor.AsSpan(), c.SourceCapacity, rows, c.Blocks, c.RowLength);
        Assert.Equal(expected, tensor.Take(expected.Count));
    });

    private static int At(int block, int capacity, int row, int rowLength) => ((block * capacity) + row) * rowLength;
}
