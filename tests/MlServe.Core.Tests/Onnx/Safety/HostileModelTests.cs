using MlServe.Onnx.Inspection;
using MlServe.TestModels;

namespace MlServe.Onnx.Safety;

/// <summary>Small files that ask for more time or memory than there is are refused before the runtime sees them.</summary>
public sealed class HostileModelTests
{
    public static TheoryData<string> Names() => [.. HostileModels.Bounded.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Inspect_AsksForTooMuch_IsRefused(string name)
    {
        var refusal = Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(HostileModels.Bounded[name]));
        Assert.True(refusal.Failure is ModelLoadFailure.TooLarge or ModelLoadFailure.Malformed, refusal.Message);
        TestContext.Current.TestOutputHelper!.WriteLine(refusal.Message);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Load_AsksForTooMuch_IsRefused(string name) =>
        Assert.Throws<ModelLoadException>(() => Ask.Load(ModelSource.FromBytes(HostileModels.Bounded[name])));
}
