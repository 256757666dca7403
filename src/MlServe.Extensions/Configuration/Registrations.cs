using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace MlServe.Configuration;

/// <summary>The additions of code to one service collection; complete when the container is built, and only read from then on.</summary>
internal sealed class Registrations
{
    /// <summary>All services of the host.</summary>
    public IServiceCollection? Services { get; init; }

    /// <summary>Whether the predictor without a name is a model of the host, and none of the application's own.</summary>
    public bool IsDefaultOwn { get; set; }

    /// <summary>The models added in code, by the spelling of the first time.</summary>
    public List<string> Models { get; } = [];

    /// <summary>The sections to read, of which later ones win; empty: the one of the host's configuration.</summary>
    public List<IConfigurationSection> Sections { get; } = [];

    /// <summary>The typed doors: which service, to which model.</summary>
    public List<(Type Service, string Model)> Doors { get; } = [];
}
