using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Analyzes a model without writing one.</summary>
internal sealed class SensitivityRun(IModelSource source, QuantizationOptions options, CancellationToken cancellationToken)
{
    private readonly ProgressReporter _progress = new(options.Progress, cancellationToken);

    public async Task<SensitivityReport> RunAsync()
    {
        QuantizationRun.RequireValid(options);
        using var clock = new SearchClock(options.SearchBudget, cancellationToken);
        var prepared = await PreparedModel.CreateAsync(source, options, _progress, cancellationToken).ConfigureAwait(false);
        await using (prepared.ConfigureAwait(false))
        {
            var analysis = prepared.Sensitivity(options);
            var plan = options.Plan ?? await prepared.PlanAsync(options, _progress, cancellationToken).ConfigureAwait(false);
            _progress.Report(QuantizationStage.Quantizing, 0, $"writing {plan.Method}");
            var decisions = PlanExecutor.Rewrite(prepared.Model, plan).Decisions;
            return await analysis.RunAsync(plan, decisions, clock.HasTime,
                (share, message) => _progress.Report(QuantizationStage.Searching, share, message), cancellationToken).ConfigureAwait(false);
        }
    }
}
