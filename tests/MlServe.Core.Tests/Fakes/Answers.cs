using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe.Tests.Fakes;

/// <summary>Requests that carry a number, and answers that give it back.</summary>
internal static class Answers
{
    public static PredictionInputs Request(long id) => PredictionInputs.Row(new[] { id });

    public static long IdOf(in PredictionInputs inputs) =>
        MemoryMarshal.Read<long>(TypedBytes.Of(PredictionInputs.ItemOf(in inputs, 0).Elements));

    public static Prediction Of(long id, PredictionOrigin origin = default)
    {
        var writer = PredictionWriter.Create();
        writer.AddTensor<long>("id", 1)[0] = id;
        return writer.Complete(origin);
    }

    public static Prediction Echo(in PredictionInputs inputs) => Of(IdOf(in inputs));

    public static long Read(Prediction prediction)
    {
        using (prediction) return prediction[0].ToScalar<long>();
    }
}
