using MlServe.Tensors;

namespace MlServe.Quantization.Evaluation;

/// <summary>Copies a sample whose memory is only borrowed.</summary>
internal static class SampleCopy
{
    public static PredictionInputs Of(in PredictionInputs sample)
    {
        var items = new PredictionInput[sample.Count];
        for (var i = 0; i < items.Length; i++)
        {
            ref readonly var item = ref PredictionInputs.ItemOf(in sample, i);
            items[i] = item.Kind != ValueKind.Tensor ? item
                : item.Name is { } name ? PredictionInput.Named(name, Copy(item.Elements))
                : PredictionInput.Unnamed(Copy(item.Elements));
        }

        return sample.With(items);
    }

    private static BorrowedTensor Copy(in BorrowedTensor elements) => elements.Type switch
    {
        ElementType.None => elements,
        ElementType.String => BorrowedTensor.From(elements.AsSpan<string>().ToArray(), elements.Shape),
        _ => BorrowedTensor.FromBytes(elements.Type, TypedBytes.Of(elements).ToArray(), checked((int)elements.Length), elements.Shape),
    };
}
