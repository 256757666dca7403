using System.Globalization;
using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>
/// Looks at what inputs are to be filled up with: a model that takes finite numbers only would refuse every request that is padded.
/// </summary>
internal static class PaddingFill
{
    /// <exception cref="ArgumentException">A value names no input, or is not finite in
    /// its input's type, and the model is not known to take it.</exception>
    public static void Check(IModelExecutor executor, PaddedAxis axis, PaddingOptions options)
    {
        Span<byte> largest = stackalloc byte[sizeof(double)];
        foreach (var (name, value) in options.Values)
        {
            var index = executor.Signature.IndexOfInput(name);
            if (index < 0)
            {
                throw new ArgumentException(
                    $"Padding:Values:{name} names no input of the model.{executor.Signature.NearestInput(name)} "
                        + $"It has: {executor.Signature.InputNames}.");
            }

            if (axis.AxisOf(index) < 0) continue;
            var input = executor.Signature.Inputs[index];
            if (!FiniteScan.Knows(input.ElementType)) continue;

            // A number that a double holds may be an infinity in a smaller type.
            var element = largest[..ElementTypes.SizeOf(input.ElementType)];
            Scalars.Fill(element, input.ElementType, value);
            var kind = FiniteScan.KindOf(input.ElementType, element, 0) & ~input.NonFiniteValues;
            if (kind == NonFiniteValues.None) continue;
            throw new ArgumentException(string.Create(
                CultureInfo.InvariantCulture,
                $"Padding:Values fills input {input} with {value}, which is {kind} there, and the model is not known to take it. Fill it "
                    + $"with a finite number, or allow it: ")
                + $"NonFiniteInputs (MlServing:Models:{executor.Identity.Name}:Onnx:NonFiniteInputs:{name}).");
        }
    }
}
