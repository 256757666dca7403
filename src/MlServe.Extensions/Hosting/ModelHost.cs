using Microsoft.Extensions.Logging;
using MlServe.Configuration;

namespace MlServe.Hosting;

/// <summary>The parts that the models of a host share.</summary>
/// <param name="Loader">Loads versions.</param>
/// <param name="Settings">Reads what they are loaded with.</param>
/// <param name="DrainTimeout">How long accepted requests are waited for.</param>
/// <param name="Time">The clock.</param>
/// <param name="Logger">The destination of logs.</param>
/// <param name="Events">The receiver of events; null: nobody.</param>
/// <param name="Find">Finds another model; null: there is none.</param>
/// <param name="Checks">The checks that a version must pass before it takes the place of another.</param>
internal sealed record ModelHost(
    ModelLoader Loader, SettingsReader Settings, TimeSpan DrainTimeout, TimeProvider Time, ILogger Logger, ModelEvents? Events,
    Func<string, ModelEntry?> Find, IReadOnlyList<IModelVersionCheck> Checks);
