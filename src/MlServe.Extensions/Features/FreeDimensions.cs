using MlServe.Configuration;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;

namespace MlServe.Features;

/// <summary>The names of sizes that a model leaves open.</summary>
internal static class FreeDimensions
{
    public static IEnumerable<string> Of(OnnxValueType? type) => type is null
        ? []
        : (type.Dimensions ?? []).Select(static dimension => dimension.Symbol).OfType<string>().Concat(Of(type.Contained));

    public static string Unknown(string name, IReadOnlyCollection<string> known)
    {
        var all = known.Count == 0
            ? "Its inputs have none"
            : $"Its inputs have: {string.Join(", ", known.Select(static free => $"'{free}'"))}";
        return $"{nameof(OnnxModelOptions.FreeDimensions)}:{name} names no free dimension of the model's inputs.{Suggestion.Of(name, known)} {all}.";
    }
}
