using MlServe.Batching;
using MlServe.Configuration;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;

namespace MlServe.Features;

/// <summary>Holds the names in options against those that a model's file declares.</summary>
internal static class DeclaredNames
{
    /// <summary>Stands for all inputs that are not named.</summary>
    private const string Others = "*";

    public static IEnumerable<string> ProblemsOf(OnnxModelOptions options, OnnxModelInfo info) =>
        [.. FreeNames(options, info), .. Axes(options, info), .. NonFinite(options, info)];

    /// <summary>The same of padding.</summary>
    public static IEnumerable<string> ProblemsOf(PaddingOptions options, OnnxModelInfo info)
    {
        if (options.Axis is null) yield break;
        List<string> axes = [.. info.Inputs.SelectMany(static input => FreeDimensionsOf(input.Type)).Distinct(StringComparer.Ordinal)];
        if (!axes.Contains(options.Axis, StringComparer.Ordinal))
            yield return $"{nameof(options.Axis)} is '{options.Axis}', and no input has a free axis of that name."
                + $"{Suggestion.Of(options.Axis, axes)} The inputs have: {(axes.Count == 0 ? "none" : Listed(axes))}.";
        if (options.MaskInput is { } mask && UnknownInput(nameof(options.MaskInput), mask, info) is { } none) yield return none;
        foreach (var name in options.Values.Keys)
        {
            if (UnknownInput(nameof(options.Values), name, info) is { } unknown) yield return unknown;
        }
    }

    /// <summary>Says that an option names an input which the model does not have; null: it has it.</summary>
    public static string? UnknownInput(string option, string name, OnnxModelInfo info) =>
        info.Inputs.Any(input => input.Name == name)
            ? null
            : $"{option}:{name} names no input of the model.{Suggestion.Of(name, info.Inputs.Select(static input => input.Name))} "
                + $"It has: {Listed(info.Inputs.Select(static input => input.Name))}.";

    /// <summary>Names in quotes.</summary>
    public static string Listed(IEnumerable<string> names) => string.Join(", ", names.Select(static name => $"'{name}'"));

    /// <summary>The runtime takes a size for a name that no input has, and does nothing with it.</summary>
    private static IEnumerable<string> FreeNames(OnnxModelOptions options, OnnxModelInfo info)
    {
        List<string> known = [.. info.Inputs.SelectMany(static input => FreeDimensionsOf(input.Type)).Distinct(StringComparer.Ordinal)];
        var all = known.Count == 0 ? "Its inputs have none" : $"Its inputs have: {Listed(known)}";
        return options.FreeDimensions.Keys.Where(name => !known.Contains(name, StringComparer.Ordinal)).Select(name =>
            $"{nameof(options.FreeDimensions)}:{name} names no free dimension of the model's inputs.{Suggestion.Of(name, known)} {all}.");
    }

    private static IEnumerable<string> Axes(OnnxModelOptions options, OnnxModelInfo info)
    {
        foreach (var (name, axis) in options.BatchAxes)
        {
            if (UnknownInput(nameof(options.BatchAxes), name, info) is { } unknown) yield return unknown;
            else if (!IsFree(info.Inputs.First(input => input.Name == name).Type, axis))
                yield return $"{nameof(options.BatchAxes)}:{name} is {axis}, and the input has no axis of free size there: "
                    + $"{info.Inputs.First(input => input.Name == name).Type}. Export the model with a dynamic batch axis.";
        }

        if (options.BatchAxis is { } everywhere && !info.Inputs.Any(input => IsFree(input.Type, everywhere)))
            yield return $"{nameof(options.BatchAxis)} is {everywhere}, and no input has an axis of free size there. The model has: "
                + $"{string.Join(", ", info.Inputs.Select(static input => $"'{input.Name}' {input.Type}"))}. Export it with a dynamic "
                + "batch axis.";
    }

    private static IEnumerable<string> NonFinite(OnnxModelOptions options, OnnxModelInfo info) => options.NonFiniteInputs.Keys
        .Where(static name => name != Others)
        .Select(name => UnknownInput(nameof(options.NonFiniteInputs), name, info))
        .OfType<string>();

    /// <summary>Whether rows may lie along an axis; yes if the file does not say.</summary>
    private static bool IsFree(OnnxValueType type, int axis) =>
        type.Kind != OnnxValueKind.Tensor || type.Dimensions is not { } sizes || (axis < sizes.Count && sizes[axis].Size is null);

    private static IEnumerable<string> FreeDimensionsOf(OnnxValueType? type) => type is null
        ? []
        : (type.Dimensions ?? []).Select(static dimension => dimension.Symbol).OfType<string>().Concat(FreeDimensionsOf(type.Contained));
}
