using MlServe.Attack.Storms;
using MlServe.TestModels;

namespace MlServe.Attack.House;

/// <summary>Three versions of the model "m" and its stand-in "s", in files, with rows and the answers of each.</summary>
internal sealed class HouseModels : IDisposable
{
    public const int Versions = 3;

    private readonly string _folder = Directory.CreateTempSubdirectory("mlserve-house-").FullName;

    /// <param name="kind">The level of the factor "model".</param>
    /// <param name="isOldServed">Whether the file of the second version holds the first.</param>
    /// <param name="random">Draws weights and rows.</param>
    public HouseModels(string kind, bool isOldServed, Random random)
    {
        (string Name, string Version)[] names = [("m", "1"), ("m", "2"), ("m", "3"), ("s", "1")];
        int[] layers = kind switch { "wide" => [64, 128, 8], "slow" => [256, 1024, 1024, 16], _ => [4, 16, 3] };
        var models = StormModel.Make(
            [.. names.Select((name, i) => (
                name.Name, name.Version, kind == "lengths" ? Scaling(i + 2) : OnnxModel.Mlp(random.Next(), layers)))],
            kind == "lengths" ? [1, 3, 4, 7, 8, 13] : [layers[0]], random);
        Tables = models.ToDictionary(static model => (model.Name, model.Version));
        foreach (var model in models)
            File.WriteAllBytes(PathOf(model.Name, model.Version), model.Bytes);
        if (isOldServed) File.WriteAllBytes(PathOf("m", "2"), models[0].Bytes);
        Rows = models[0].Inputs;
        Output = models[0].Output;
        HasLengths = kind == "lengths";
        OutputLength = layers[^1];
    }

    public IReadOnlyDictionary<(string Name, string Version), StormModel> Tables { get; }

    public float[][] Rows { get; }

    public string Output { get; }

    public int OutputLength { get; }

    /// <summary>Whether a row may be of any length.</summary>
    public bool HasLengths { get; }

    public string Folder => _folder;

    public string PathOf(string name, string version) => Path.Combine(_folder, $"{name}{version}.onnx");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static byte[] Scaling(float factor) => new OnnxModel().Input("x", OnnxModel.Float, "batch", "length")
        .Output("y", OnnxModel.Float, "batch", "length").Initializer("factor", [factor], 1).Node("Mul", ["x", "factor"], ["y"]).ToBytes();
}
