using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MlServe.Samples.Browser;

/// <summary>As much of the Chrome DevTools Protocol as these tests need: commands and their answers, and events.</summary>
/// <remarks>https://chromedevtools.github.io/devtools-protocol/</remarks>
internal sealed class DevTools : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonElement>> _pending = new();
    private Task _receiving = Task.CompletedTask;
    private int _lastId;

    private DevTools()
    {
    }

    /// <summary>An event: session, name, parameters. Raised one after the other.</summary>
    public event Action<string, string, JsonElement>? EventReceived;

    public static async Task<DevTools> ConnectAsync(Uri address)
    {
        var devTools = new DevTools();
        await devTools._socket.ConnectAsync(address, TestContext.Current.CancellationToken);
        devTools._receiving = Task.Run(devTools.ReceiveAsync);
        return devTools;
    }

    /// <summary>Sends a command and gives its result.</summary>
    public async Task<JsonElement> SendAsync(string method, object? parameters = null, string? session = null)
    {
        var id = Interlocked.Increment(ref _lastId);
        var answer = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[id] = answer;
        var message = new JsonObject
        {
            ["id"] = id,
            ["method"] = method,
            ["params"] = JsonSerializer.SerializeToNode(parameters ?? new { }),
        };
        if (session is not null) message["sessionId"] = session;

        await _sending.WaitAsync();
        try
        {
            await _socket.SendAsync(
                JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        }
        finally
        {
            _sending.Release();
        }

        return await answer.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _receiving;
        _socket.Dispose();
        _sending.Dispose();
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[1 << 16];
        using var message = new MemoryStream();
        try
        {
            while (true)
            {
                message.SetLength(0);
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                    message.Write(buffer, 0, part.Count);
                }
                while (!part.EndOfMessage);

                if (part.MessageType == WebSocketMessageType.Close) break;
                Take(JsonSerializer.Deserialize<JsonElement>(message.ToArray()));
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException)
        {
            // The browser, or DisposeAsync, has ended the connection.
        }

        foreach (var answer in _pending.Values)
            answer.TrySetException(new InvalidOperationException("The browser has closed the connection."));
    }

    private void Take(JsonElement message)
    {
        if (!message.TryGetProperty("id", out var id))
        {
            var session = message.TryGetProperty("sessionId", out var value) ? value.GetString()! : "";
            EventReceived?.Invoke(session, message.GetProperty("method").GetString()!, message.GetProperty("params"));
        }
        else if (_pending.TryRemove(id.GetInt32(), out var answer))
        {
            if (message.TryGetProperty("error", out var error)) answer.TrySetException(new InvalidOperationException(error.ToString()));
            else answer.TrySetResult(message.GetProperty("result"));
        }
    }
}
