using Microsoft.Extensions.Configuration;
using MlServe.Configuration;

namespace MlServe.Features;

/// <summary>A feature of a package that is not registered: its key is known, so that the message can say what to do.</summary>
internal sealed record PackagedFeature(string Key, string Package, string Call)
{
    public ExtraKey ToKey() => new(Key, Refuse);

    private IEnumerable<string> Refuse(IConfigurationSection section) =>
        [$"{section.Path} is read by the package {Package}, which is not registered. "
            + $"Reference the package and call {Call}, or take the section out."];
}
