using Microsoft.Extensions.Diagnostics.HealthChecks;
using MlServe.Guests;
using MlServe.Onnx;
using MlServe.Resilience;

namespace MlServe.Hosting;

/// <summary>How one model is, by itself.</summary>
/// <param name="Model">Its name.</param>
/// <param name="State">Its state in one word; the first fault, if there is one.</param>
/// <param name="Status">Unhealthy: it cannot answer at all. Degraded: not as it should.</param>
/// <param name="Problem">The fault in words; null if there is none.</param>
/// <param name="Failure">The exception behind it, if there is one.</param>
internal sealed record ModelHealth(string Model, string State, HealthStatus Status, string? Problem, Exception? Failure)
{
    public static ModelHealth Of(ModelEntry model, Func<string, ModelEntry?> find)
    {
        var state = model.State;
        if (state == ModelState.Ready) return OfReady(model);
        var isAnswered = state is ModelState.NotLoaded or ModelState.Loading or ModelState.Failed && IsStoodInFor(model, find);
        return new(model.Name, state.ToString(), isAnswered ? HealthStatus.Degraded : HealthStatus.Unhealthy,
            $"'{model.Name}' is {state}{(isAnswered ? ", and its fallback chain answers" : "")}", model.Failure);
    }

    private static ModelHealth OfReady(ModelEntry model)
    {
        var circuit = Find<ICircuitBreaker>(model);
        if (circuit is { State: not CircuitState.Closed } broken)
        {
            var state = broken.State;
            return Degraded($"Circuit{state}", $"the circuit of '{model.Name}' is {WordOf(state)}", broken.LastFailure?.Exception);
        }

        if (Find<OnnxModelDescription>(model)?.WarmUpFailure is { } failure)
            return Degraded("WarmUpFailed", $"the warm-up of '{model.Name}' failed: {failure}", null);
        if (model.FallbackProblems is { } problems)
            return Degraded("FallbackRefused", $"'{model.Name}' is served without its fallback chain: {problems}", null);
        return new(model.Name, nameof(ModelState.Ready), HealthStatus.Healthy, null, null);

        ModelHealth Degraded(string state, string problem, Exception? exception) =>
            new(model.Name, state, HealthStatus.Degraded, problem, exception);
    }

    private static string WordOf(CircuitState state) => state switch
    {
        CircuitState.HalfOpen => "half open",
        CircuitState.Isolated => "opened by hand",
        _ => "open",
    };

    /// <summary>
    /// Whether something answers in the model's place while it is not loaded. Stale answers are the model's own, and go with it.
    /// </summary>
    private static bool IsStoodInFor(ModelEntry model, Func<string, ModelEntry?> find) => model.Fallback?.Steps.Any(step =>
        step.Model is { } other ? find(other) is { State: ModelState.Ready } : !step.NeedsStaleAnswers) == true;

    /// <summary>Asks the layers, which may be the application's.</summary>
    private static T? Find<T>(ModelEntry model)
        where T : class
    {
        try
        {
            return model.Versions.GetService(typeof(T)) as T;
        }
#pragma warning disable CA1031 // That a layer throws here says nothing of the answers.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Guards.Report(Guest.Layer, exception);
            return null;
        }
    }
}
