using Microsoft.Extensions.Logging;

namespace MlServe.ChildProcess.Guests;

/// <summary>A factory of logs that throws when MlServe asks it for one.</summary>
internal sealed class ThrowingLogFactory(Mischief mischief) : ILoggerFactory
{
    private readonly LoggerFactory _inner = new();

    public void AddProvider(ILoggerProvider provider) => _inner.AddProvider(provider);

    public ILogger CreateLogger(string categoryName)
    {
        if (categoryName == MlServeDiagnostics.LogCategory) mischief.Call("factory.CreateLogger");
        return _inner.CreateLogger(categoryName);
    }

    public void Dispose() => _inner.Dispose();
}
