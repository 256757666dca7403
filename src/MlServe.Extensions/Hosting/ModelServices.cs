using Microsoft.Extensions.DependencyInjection;

namespace MlServe.Hosting;

/// <summary>
/// The host's services as the application's layers of one model see them: its own service level, and all that is registered. Beside the
/// context, because layers ask for keyed services as well, which only this package knows.
/// </summary>
internal sealed class ModelServices(IServiceProvider services, ServiceLevel serviceLevel) : IKeyedServiceProvider
{
    public object? GetService(Type serviceType) => serviceType == typeof(ServiceLevel) ? serviceLevel : services.GetService(serviceType);

    public object? GetKeyedService(Type serviceType, object? serviceKey) =>
        ((IKeyedServiceProvider)services).GetKeyedService(serviceType, serviceKey);

    public object GetRequiredKeyedService(Type serviceType, object? serviceKey) =>
        services.GetRequiredKeyedService(serviceType, serviceKey);
}
