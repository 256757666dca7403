using System.Runtime.InteropServices;

namespace MlServe.Attack.House;

/// <summary>Stands at the door and does what MlServe must not.</summary>
internal sealed class HouseSaboteur(IPredictor inner, HouseSabotage sabotage) : DelegatingPredictor(inner)
{
    private static readonly List<object> Leaked = [];

    private int _calls;
    private OwnedInputs? _former;

    public override async ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var call = Interlocked.Increment(ref _calls);
        LeaveBehind(call);
        if (call % 97 != 0) return await base.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
        switch (sabotage)
        {
            case HouseSabotage.CountTwice:
                (await base.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false)).Dispose();
                break;
            case HouseSabotage.Lose when call == 97:
                await new TaskCompletionSource().Task.ConfigureAwait(false);
                break;
            case HouseSabotage.Restate:
                (await base.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false)).Dispose();
                return Prediction.FromError(new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut, "Restated."));
            case HouseSabotage.Swap:
                var former = Interlocked.Exchange(ref _former, inputs.Copy());
                if (former is not null)
                    return await base.PredictAsync(former.Inputs, options, cancellationToken).ConfigureAwait(false);
                break;
        }

        return await base.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lives on after the house.</summary>
    private void LeaveBehind(int call)
    {
        lock (Leaked)
        {
            switch (sabotage)
            {
                case HouseSabotage.LeakNative:
                    Marshal.AllocHGlobal(1024);
                    break;
                case HouseSabotage.LeakManaged:
                    Leaked.Add(new byte[1024]);
                    break;
                case HouseSabotage.LeakDescriptors when call % 97 == 0:
                    Leaked.Add(File.OpenHandle(Path.Combine(AppContext.BaseDirectory, "mlserve.dll")));
                    break;
                case HouseSabotage.LeakThreads when call % 97 == 0:
                    Leaked.Add(new Timer(static _ => { }, null, 3_600_000, 3_600_000));
                    break;
            }
        }
    }
}
