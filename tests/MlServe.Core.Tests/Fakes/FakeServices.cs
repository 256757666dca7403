namespace MlServe.Tests.Fakes;

internal sealed class FakeServices(params object[] services) : IServiceProvider
{
    public object? GetService(Type serviceType) => Array.Find(services, serviceType.IsInstanceOfType);
}
