using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using MlServe.Tensors;

namespace MlServe.Resilience;

/// <summary>Says whether an answer can be right. An output without elements can.</summary>
internal sealed class OutputValidator(
    CircuitBreakerOptions options, Func<Prediction, bool>? outputCheck, ModelSignature signature, ModelIdentity identity, ILogger? logger)
{
    /// <summary>The values that are no fault of an output, because good rows are answered so; null if there are none.</summary>
    private readonly Dictionary<string, NonFiniteValues>? _normal = NormalOf(signature);
    private readonly HashSet<string> _probabilities = new(options.ProbabilityOutputs, StringComparer.Ordinal);
    private readonly string _model = identity.Name;
    private int _hasWarned;

    /// <summary>Whether there is a check of the application's.</summary>
    public bool CallsApplication => outputCheck is not null;

    /// <returns>Null, or why it cannot be right.</returns>
    public PredictionError? Check(in Prediction answer) => CheckFinite(in answer) ?? CheckMeaning(in answer);

    /// <summary>Looks for a NaN or an infinity that answers to good rows do not have.</summary>
    public PredictionError? CheckFinite(in Prediction answer)
    {
        if (!options.RequireFiniteOutputs) return null;
        for (var i = 0; i < answer.Count; i++)
        {
            var value = answer.ValueAt(i);
            if (IsFinite(value, _normal?.GetValueOrDefault(value.Name) ?? NonFiniteValues.None)) continue;
            return Invalid(
                "Output '{0}' of model '{1}' holds a NaN or an infinity, and answers to its good rows do not. "
                + "If the model means it, set RequireFiniteOutputs to false (MlServing:Models:{1}:CircuitBreaker:RequireFiniteOutputs).",
                value.Name, _model);
        }

        return null;
    }

    /// <summary>Looks at what only the application knows: which outputs are probabilities, and its own check.</summary>
    public PredictionError? CheckMeaning(in Prediction answer)
    {
        for (var i = 0; i < answer.Count && _probabilities.Count > 0; i++)
        {
            var value = answer.ValueAt(i);
            if (!_probabilities.Contains(value.Name) || AreProbabilities(value)) continue;
            return Invalid(
                "Output '{0}' of model '{1}' is among ProbabilityOutputs, and its rows are not numbers within 0 and 1 that sum to 1. "
                + "ProbabilityTolerance is {2} "
                + "(MlServing:Models:{1}:CircuitBreaker:ProbabilityTolerance).", value.Name, _model, options.ProbabilityTolerance);
        }

        return outputCheck is { } check && !Passes(check, in answer)
            ? Invalid("An answer of model '{0}' did not pass the application's OutputCheck (CircuitBreakerOptions of model '{0}').", _model)
            : null;
    }

    private static Dictionary<string, NonFiniteValues>? NormalOf(ModelSignature signature)
    {
        Dictionary<string, NonFiniteValues>? normal = null;
        foreach (var output in signature.Outputs)
        {
            if (output.NonFiniteValues != NonFiniteValues.None)
                (normal ??= new(StringComparer.Ordinal)).Add(output.Name, output.NonFiniteValues);
        }

        return normal;
    }

    private static bool IsFinite(OutputValue value, NonFiniteValues normal)
    {
        if (value.Kind == ValueKind.Tensor) return FiniteScan.IndexOf(value.ElementType, value.Bytes, normal) < 0;
        foreach (var child in value.Children)
        {
            if (!IsFinite(child, normal)) return false;
        }

        return true;
    }

    private bool AreProbabilities(OutputValue value)
    {
        // A classifier's map of labels to probabilities is a row; several rows give a sequence of them.
        if (value.Kind == ValueKind.Map) return AreProbabilities(value.Children[1]);
        if (value.Kind != ValueKind.Tensor) return value.Children.All(AreProbabilities);
        var width = value.Rank == 0 ? 1 : (int)value.Shape[^1];
        return value.ElementType switch
        {
            ElementType.Float => AreProbabilities(MemoryMarshal.Cast<byte, float>(value.Bytes), width),
            ElementType.Double => AreProbabilities(MemoryMarshal.Cast<byte, double>(value.Bytes), width),
            ElementType.Float16 => AreProbabilities(MemoryMarshal.Cast<byte, Half>(value.Bytes), width),
            ElementType.BFloat16 =>
                AreProbabilities<float>(
                    Array.ConvertAll(MemoryMarshal.Cast<byte, BFloat16>(value.Bytes).ToArray(), static value => value.ToSingle()), width),
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
                ResilienceLog.CallbackThrew(logger, exception, nameof(CircuitBreakerOptions.OutputCheck), _model);
            return true;
        }
    }

    private PredictionError Invalid(string format, params object?[] arguments) =>
        new(PredictionStatus.Failed, PredictionErrorCode.OutputInvalid, format, arguments) { Model = identity };
}
