using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace MlServe.Tests.Caching;

/// <summary>A Redis of the test's own on loopback, without a file; skips the running test where none is installed.</summary>
internal sealed class RedisServer : IDisposable
{
    private Process? _process;

    public RedisServer()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
    }

    public int Port { get; }

    /// <summary>Starts it, empty, and waits until it takes connections.</summary>
    public async Task StartAsync()
    {
        var program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(static folder => Path.Combine(folder, OperatingSystem.IsWindows() ? "redis-server.exe" : "redis-server"))
            .FirstOrDefault(File.Exists);
        if (program is null) Assert.Skip("Needs redis-server on the PATH (Debian: apt-get install redis-server), which is absent here.");
        _process = Process.Start(new ProcessStartInfo(
            program, ["--port", $"{Port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Path.GetTempPath(),
        })!;
        _ = _process.StandardOutput.ReadToEndAsync();
        await Eventually.BecomesTrue(
            () =>
            {
                try
                {
                    using var client = new TcpClient("127.0.0.1", Port);
                    return true;
                }
                catch (SocketException)
                {
                    return false;
                }
            },
            "Redis takes connections");
    }

    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        _process?.Kill();
        _process?.Dispose();
    }
}
