using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using MlServe.Onnx;

namespace MlServe.Attack.House;

/// <summary>Versions that take each other's place while a house is asked.</summary>
internal sealed class HouseSwaps(HouseComposition composition, HouseModels models, IServiceProvider services, HouseLedger ledger)
{
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(20);

    public int Count { get; private set; }

    public async Task RunAsync(Func<bool> isOver)
    {
        if (composition["swaps"] == "none") return;
        var versions = services.GetRequiredKeyedService<IModelVersions>("m");
        while (Count == 0 || !isOver())
        {
            try
            {
                await SwapAsync(versions).ConfigureAwait(false);
                Count++;
            }
#pragma warning disable CA1031 // No swap of right files fails.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                ledger.Break($"A swap failed: {exception}");
                return;
            }

            await Task.Delay(Rest).ConfigureAwait(false);
        }
    }

    private async Task SwapAsync(IModelVersions versions)
    {
        var live = int.Parse(versions.Live!.Identity.Version, CultureInfo.InvariantCulture);
        var next = ((live % HouseModels.Versions) + 1).ToString(CultureInfo.InvariantCulture);
        switch (composition["swaps"])
        {
            case "reload":
                await versions.ReloadAsync().ConfigureAwait(false);
                break;
            case "publish":
                var version = await versions.LoadAsync(options =>
                {
                    options.Version = next;
                    options.ReplaceBy(ModelSource.FromFile(models.PathOf("m", next)));
                }).ConfigureAwait(false);
                var keep = Count % 2 == 0;
                var former = versions.Live!;
                await versions.PublishAsync(version, keep).ConfigureAwait(false);
                if (keep) await versions.UnloadAsync(former).ConfigureAwait(false);
                break;
            default:
                var configuration = (IConfigurationRoot)services.GetRequiredService<IConfiguration>();
                configuration["MlServing:Models:m:Path"] = models.PathOf("m", next);
                configuration["MlServing:Models:m:Version"] = next;
                configuration.Reload();
                for (var i = 0; i < 1000 && versions.Live?.Identity.Version != next; i++)
                    await Task.Delay(10).ConfigureAwait(false);
                if (versions.Live?.Identity.Version != next) ledger.Break($"Version {next} did not come in 10 s after a reload.");
                break;
        }
    }
}
