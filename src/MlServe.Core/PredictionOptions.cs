namespace MlServe;

/// <summary>What one call asks for beyond its inputs. Immutable: make one and use it for as many calls as you like.</summary>
public sealed class PredictionOptions
{
    /// <summary>
    /// The names of the outputs to compute and return, in any order; null (the default): all. Nodes that only other outputs need are not run.
    /// </summary>
    public IReadOnlyList<string>? Outputs { get; init; }

    /// <summary>What an executor made of <see cref="Outputs"/>, kept so that reused options are looked up once.</summary>
    internal OutputSelection? Selection { get; set; }
}
