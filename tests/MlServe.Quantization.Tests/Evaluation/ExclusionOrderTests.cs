using Xunit;

namespace MlServe.Quantization.Evaluation;

public class ExclusionOrderTests
{
    [Fact]
    public void Of_NodeThatSavesNoTime_GoesBeforeOneThatHarmsMoreAndSavesMuch()
    {
        NodeSensitivity[] nodes =
        [
            new("fast", "Conv", 20, null) { Speed = 3 },
            new("free", "Conv", 30, null) { Speed = 1.1 },
            new("harmless", "Conv", 60, null) { Speed = 1.3 },
        ];
        Assert.Equal(["free", "fast", "harmless"], ExclusionOrder.Of(nodes, fp32: 1.1));
    }

    [Fact]
    public void Of_SpeedsThatWereNotMeasured_GoesByHarmAlone() =>
        Assert.Equal(
            ["c", "a", "b"],
            ExclusionOrder.Of([new("b", "Conv", 40, null), new("a", "Conv", 40, null), new("c", "Conv", 10, null)], fp32: 1));
}
