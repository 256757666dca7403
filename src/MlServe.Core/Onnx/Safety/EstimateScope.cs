namespace MlServe.Onnx.Safety;

/// <summary>The values of a graph by name, and those of the graphs around it.</summary>
internal sealed class EstimateScope(EstimateScope? outer = null)
{
    private readonly Dictionary<string, Estimate> _values = new(StringComparer.Ordinal);

    public Estimate this[string name]
    {
        get
        {
            for (var scope = this; scope is not null; scope = scope.Outer)
            {
                if (scope._values.TryGetValue(name, out var value)) return value;
            }

            return Estimate.Unknown;
        }
        set => _values[name] = value;
    }

    private EstimateScope? Outer { get; } = outer;
}
