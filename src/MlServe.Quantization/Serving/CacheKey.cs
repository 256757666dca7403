using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;
using MlServe.Tensors;

namespace MlServe.Quantization.Serving;

/// <summary>A name for all that decides on the result of a quantization.</summary>
internal sealed class CacheKey : IDisposable
{
    private const int Length = 40;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public static async Task<string> OfAsync(
        ModelContent content, QuantizationOptions options, string? samplesVersion, CancellationToken cancellationToken)
    {
        using var key = new CacheKey();
        var machine = Machine.Describe(options.Threads);
        key.Add(typeof(CacheKey).Assembly.ManifestModule.ModuleVersionId.ToString());
        key.Add($"{machine.Processor}|{machine.Target}|{machine.RuntimeVersion}");
        key.Add(OnnxInspector.Inspect(content.Bytes.Span).ExternalData.Count > 0
            ? OnnxDocument.Read(content).Digest
            : Convert.ToHexStringLower(SHA256.HashData(content.Bytes.Span)));
        key.Add(options);
        if (samplesVersion is { } version) key.Add(version);
        else if (options.CalibrationSamples is { } samples)
            await key.AddAsync(samples, options.MaxSamples, cancellationToken).ConfigureAwait(false);
        return Convert.ToHexStringLower(key._hash.GetCurrentHash())[..Length];
    }

    public void Dispose() => _hash.Dispose();

    private void Add(QuantizationOptions options)
    {
        var gate = options.Gate;
        Add(string.Create(CultureInfo.InvariantCulture,
            $"{options.Method}|{options.Target}|{options.Format}|{options.PerChannel}|{options.PerChannelActivations}|"
            + $"{options.BlockSize}|{options.CalibrationMethod}|{options.Percentile}|"
            + $"{options.BiasCorrection}|{options.MinMultiplications}"));
        Add(string.Create(
            CultureInfo.InvariantCulture,
            $"{options.MaxSamples}|{options.OnGateFailure}|{options.SearchBudget}|{options.Threads}|"
            + $"{options.Preprocessing}|{options.ExcludeNode is null}"));
        Add(string.Create(CultureInfo.InvariantCulture,
            $"{gate.MinSpeedup}|{gate.MinSpeed}|{gate.MaxSize}|{gate.MinAgreement}|{gate.MinNeighbors}|"
            + $"{gate.MinRankCorrelation}|{gate.MinSnrDb}|{gate.MaxLoss}|{gate.Evaluate is null}|{gate.Metrics.Count}"));
        foreach (var name in options.ExcludeNodes.Concat(gate.Metrics.OrderBy(static pair => pair.Key, StringComparer.Ordinal)
            .Select(static pair => $"{pair.Key}={pair.Value}")))
            Add(name);
        Add(options.Plan?.ToJson() ?? "");
    }

    private async Task AddAsync(IAsyncEnumerable<PredictionInputs> samples, int maxSamples, CancellationToken cancellationToken)
    {
        var count = 0;
        await foreach (var sample in samples.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            Add(in sample);
            if (++count >= maxSamples) break;
        }
    }

    private void Add(in PredictionInputs sample)
    {
        Add(sample.IsRow ? "row" : $"rows {sample.RowCount}");
        for (var i = 0; i < sample.Count; i++)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in sample, i);
            Add($"{input.Name}|{input.Kind}|{input.Elements.Type}|{string.Join(',', input.Elements.Shape ?? [])}");
            if (input.Kind != ValueKind.Tensor) continue;
            if (input.Elements.Type != ElementType.String)
            {
                _hash.AppendData(TypedBytes.Of(input.Elements));
                continue;
            }

            foreach (var text in input.Elements.AsSpan<string>())
                Add(text);
        }
    }

    /// <summary>Each text with its length before it, so that no two lists of texts look alike.</summary>
    private void Add(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = bytes.Length;
        _hash.AppendData(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in length)));
        _hash.AppendData(bytes);
    }
}
