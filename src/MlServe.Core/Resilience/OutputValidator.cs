using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using MlServe.Tensors;

namespace MlServe.Resilience;

/// <summary>Says whether an answer can be right.</summary>
internal sealed class OutputValidator(CircuitBreakerOptions options, string model, ILogger? logger)
{
    private readonly HashSet<string> _probabilities = new(options.ProbabilityOutputs, StringComparer.Ordinal);
    private int _hasWarned;

    /// <returns>Null, or why it cannot be right.</returns>
    public PredictionError? Check(in Prediction answer)
    {
        for (var i = 0; i < answer.Count; i++)
        {
            var value = answer.ValueAt(i);
            if (options.RequireFiniteOutputs && !IsFinite(value))
            {
                return Invalid("Output '{0}' of model '{1}' holds a NaN or an infinity. If the model means it, set RequireFiniteOutputs to false.", value.Name, model);
            }

            if (_probabilities.Count > 0 && _probabilities.Contains(value.Name) && !AreProbabilities(value))
            {
                return Invalid(
                    "Output '{0}' of model '{1}' is among ProbabilityOutputs, and its rows are not numbers within 0 and 1 that sum to 1 (ProbabilityTolerance is {2}).",
                    value.Name, model, options.ProbabilityTolerance);
            }
        }

        return options.OutputCheck is { } check && !Passes(check, in answer) ? Invalid("An answer of model '{0}' did not pass OutputCheck.", model) : null;
    }

    private static bool IsFinite(OutputValue value)
    {
        switch (value.ElementType)
        {
            case ElementType.Float:
                return AreFinite<float>(value.Bytes);
            case ElementType.Double:
                return AreFinite<double>(value.Bytes);
            case ElementType.Float16:
                return AreFinite<Half>(value.Bytes);
            case ElementType.BFloat16:
                foreach (var element in MemoryMarshal.Cast<byte, ushort>(value.Bytes))
                {
                    // All bits of the exponent set.
                    if ((element & 0x7F80) == 0x7F80) return false;
                }

                return true;
        }

        if (value.Kind == ValueKind.Tensor) return true;
        foreach (var child in value.Children)
        {
            if (!IsFinite(child)) return false;
        }

        return true;
    }

    private static bool AreFinite<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged, INumberBase<T> => TensorPrimitives.IsFiniteAll<T>(MemoryMarshal.Cast<byte, T>(bytes));

    private bool AreProbabilities(OutputValue value)
    {
        if (value.Kind != ValueKind.Tensor) return true;
        var width = value.Rank == 0 ? 1 : (int)value.Shape[^1];
        return value.ElementType switch
        {
            ElementType.Float => AreProbabilities(MemoryMarshal.Cast<byte, float>(value.Bytes), width),
            ElementType.Double => AreProbabilities(MemoryMarshal.Cast<byte, double>(value.Bytes), width),
            ElementType.Float16 => AreProbabilities(MemoryMarshal.Cast<byte, Half>(value.Bytes), width),
            _ => true,
        };
    }

    private bool AreProbabilities<T>(ReadOnlySpan<T> values, int width)
        where T : unmanaged, INumber<T>
    {
        var tolerance = options.ProbabilityTolerance;
        for (; values.Length > 0; values = values[width..])
        {
            var sum = 0.0;
            foreach (var value in values[..width])
            {
                var probability = double.CreateTruncating(value);
                if (!(probability >= -tolerance && probability <= 1 + tolerance)) return false;
                sum += probability;
            }

            if (!(Math.Abs(sum - 1) <= tolerance)) return false;
        }

        return true;
    }

    private bool Passes(Func<Prediction, bool> check, in Prediction answer)
    {
        try
        {
            return check(answer);
        }
#pragma warning disable CA1031 // A check that is broken says nothing of the answer.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            if (Interlocked.Exchange(ref _hasWarned, 1) == 0)
                ResilienceLog.CallbackThrew(logger, exception, nameof(CircuitBreakerOptions.OutputCheck), model);
            return true;
        }
    }

    private static PredictionError Invalid(string format, params object?[] arguments) =>
        new(PredictionStatus.Failed, PredictionErrorCode.OutputInvalid, format, arguments);
}
