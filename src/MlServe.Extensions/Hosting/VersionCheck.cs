using MlServe.Onnx;
using MlServe.Resilience;

namespace MlServe.Hosting;

/// <summary>Says whether a version that was loaded can take the place of the live one.</summary>
internal static class VersionCheck
{
    /// <exception cref="ModelLoadException">It cannot.</exception>
    public static void Require(ServedVersion version, ServedVersion live, string key, Func<string, ModelEntry?> find)
    {
        var settings = version.Settings;
        var name = settings.Model;
        if (version.GetService<OnnxModelDescription>()?.WarmUpFailure is { } failure)
            throw new ModelLoadException(
                ModelLoadFailure.Other, $"The new version of model '{name}' does not answer the warm-up: {failure} The live one goes on.");

        var misfits = SignatureFit.Misfits(live.Signature, version.Signature).ToList();
        if (misfits.Count > 0)
        {
            throw new ModelLoadException(
                ModelLoadFailure.InvalidOptions,
                $"The new version of model '{name}' cannot take the place of the live one, "
                + $"whose callers would fail: {string.Join("; ", misfits)}. Give it a name of its own, or restart the host.");
        }

        List<string> problems =
            [.. FallbackCheck.ProblemsOf(
                name, version, settings.InForce.Fallback.Count > 0 ? key : null, settings.Steps,
                version.GetService<IStaleAnswers>() is not null, find)];
        if (problems.Count > 0) throw new ModelLoadException(ModelLoadFailure.InvalidOptions, string.Join(" ", problems));
    }
}
