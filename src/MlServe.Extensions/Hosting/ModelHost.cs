using Microsoft.Extensions.Logging;
using MlServe.Configuration;

namespace MlServe.Hosting;

/// <summary>What the models of a host share.</summary>
/// <param name="Loader">Loads versions.</param>
/// <param name="Settings">Reads what they are loaded with.</param>
/// <param name="DrainTimeout">How long accepted requests are waited for.</param>
/// <param name="Time">The clock.</param>
/// <param name="Logger">Where to log.</param>
/// <param name="Events">Who is told what happens; null: nobody.</param>
/// <param name="Find">Finds another model; null: there is none.</param>
/// <param name="Checks">What a version must pass before it takes the place of another.</param>
internal sealed record ModelHost(
    ModelLoader Loader, SettingsReader Settings, TimeSpan DrainTimeout, TimeProvider Time, ILogger Logger, ModelEvents? Events,
    Func<string, ModelEntry?> Find, IReadOnlyList<IModelVersionCheck> Checks);
