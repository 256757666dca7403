using System.Diagnostics;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace MlServe.Docs.Samples;

/// <summary>
/// Runs inside a sample's own process, before its first statement: tells the address at which the sample's web server listens, and stops
/// its host when standard input ends. So the program itself is run as the document has it.
/// </summary>
public static class SampleHost
{
    /// <summary>What stands before the address on standard error.</summary>
    public const string Listening = "sample listens at ";

    // The event that WebApplicationFactory and dotnet-ef wait for too.
    private const string Source = "Microsoft.Extensions.Hosting";
    private const string HostBuilt = nameof(HostBuilt);

    /// <summary>Begins to watch for a host.</summary>
    public static void Attach() => DiagnosticListener.AllListeners.Subscribe(new Observer<DiagnosticListener>(static listener =>
    {
        if (listener.Name != Source) return;
        listener.Subscribe(new Observer<KeyValuePair<string, object?>>(static made =>
        {
            if (made is { Key: HostBuilt, Value: IHost host }) Watch(host);
        }));
    }));

    private static void Watch(IHost host)
    {
        if (host.Services.GetService<IServer>() is not { } server) return;
        var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        lifetime.ApplicationStarted.Register(() =>
        {
            Console.Error.WriteLine(Listening + server.Features.Get<IServerAddressesFeature>()!.Addresses.Single());
            _ = StopAtEndOfInputAsync(lifetime);
        });
    }

    private static async Task StopAtEndOfInputAsync(IHostApplicationLifetime lifetime)
    {
        await Task.Yield();
        await Console.In.ReadToEndAsync(CancellationToken.None).ConfigureAwait(false);
        lifetime.StopApplication();
    }

    private sealed class Observer<T>(Action<T> next) : IObserver<T>
    {
        public void OnNext(T value) => next(value);

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }
}
