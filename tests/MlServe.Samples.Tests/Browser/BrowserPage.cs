using System.Collections.Concurrent;
using System.Text.Json;

namespace MlServe.Samples.Browser;

/// <summary>A page in a tab of its own, used as a person uses it.</summary>
internal sealed class BrowserPage : IAsyncDisposable
{
    private readonly DevTools _devTools;
    private readonly string _target;
    private readonly string _session;
    private readonly Screen _screen;
    private readonly ConcurrentQueue<string> _complaints = new();

    private BrowserPage(DevTools devTools, string target, string session, Screen screen)
    {
        (_devTools, _target, _session, _screen) = (devTools, target, session, screen);
        devTools.EventReceived += TakeEvent;
    }

    /// <summary>Errors and warnings of the page's scripts, of its loading and of its policies.</summary>
    public IEnumerable<string> Complaints => _complaints;

    public static async Task<BrowserPage> OpenAsync(DevTools devTools, Uri address, Screen screen)
    {
        var target = (await devTools.SendAsync("Target.createTarget", new { url = "about:blank" })).GetProperty("targetId").GetString()!;
        var session = (await devTools.SendAsync("Target.attachToTarget", new { targetId = target, flatten = true }))
            .GetProperty("sessionId")
            .GetString()!;
        var page = new BrowserPage(devTools, target, session, screen);
        await page.SendAsync("Runtime.enable");
        await page.SendAsync("Log.enable");
        await page.SendAsync(
            "Emulation.setDeviceMetricsOverride",
            new { width = screen.Width, height = screen.Height, deviceScaleFactor = screen.IsTouch ? 2 : 1, mobile = screen.IsTouch });
        await page.SendAsync("Emulation.setTouchEmulationEnabled", new { enabled = screen.IsTouch });
        await page.SendAsync("Emulation.setFocusEmulationEnabled", new { enabled = true });
        await page.SendAsync(
            "Emulation.setEmulatedMedia",
            new { features = new[] { new { name = "prefers-color-scheme", value = screen.IsDark ? "dark" : "light" } } });
        await page.SendAsync("Page.navigate", new { url = address });
        await page.UntilAsync("document.readyState === 'complete' && location.href !== 'about:blank'");
        return page;
    }

    /// <summary>The value of a JavaScript expression; of a promise, what it resolves to.</summary>
    public async Task<T> EvaluateAsync<T>(string expression)
    {
        var result = await SendAsync("Runtime.evaluate", new { expression, awaitPromise = true, returnByValue = true });
        if (result.TryGetProperty("exceptionDetails", out var exception)) throw new InvalidOperationException($"{expression}: {exception}");
        return result.GetProperty("result").GetProperty("value").Deserialize<T>()!;
    }

    public Task<string> TextAsync(string selector) => EvaluateAsync<string>($"document.querySelector('{selector}').textContent");

    /// <summary>Waits until a JavaScript condition holds.</summary>
    public async Task UntilAsync(string condition) => Assert.True(
        await EvaluateAsync<bool>(
            $$"""
            new Promise(done => {
                const given = performance.now() + 20000;
                const look = () => ({{condition}}) ? done(true) : performance.now() > given ? done(false) : setTimeout(look, 10);
                look();
            })
            """),
        $"The page did not come to {condition}. It shows: {await TextAsync("body")} {string.Join('\n', Complaints)}");

    /// <summary>
    /// Draws a line through points from 0 to 1 on an element, with a finger where the screen is a touch screen, else with the mouse.
    /// </summary>
    public async Task DrawAsync(string selector, (double X, double Y)[] points, bool andLift = true)
    {
        var box = await EvaluateAsync<double[]>(
            $"(box => [box.x, box.y, box.width, box.height])(document.querySelector('{selector}').getBoundingClientRect())");
        const int Steps = 6;
        await TouchAsync("touchStart", "mousePressed", PlaceOf(points[0]));
        foreach (var (from, to) in points.Zip(points.Skip(1)))
        {
            for (var step = 1; step <= Steps; step++)
            {
                var share = (double)step / Steps;
                await TouchAsync(
                    "touchMove", "mouseMoved", PlaceOf((from.X + (share * (to.X - from.X)), from.Y + (share * (to.Y - from.Y)))));
            }
        }

        if (andLift) await TouchAsync("touchEnd", "mouseReleased", PlaceOf(points[^1]));

        (double X, double Y) PlaceOf((double X, double Y) point) => (box[0] + (point.X * box[2]), box[1] + (point.Y * box[3]));
    }

    public async Task PressAsync(string key, int times = 1)
    {
        for (var i = 0; i < times; i++)
        {
            var text = key == " " ? key : "";
            await SendAsync(
                "Input.dispatchKeyEvent",
                new { type = "keyDown", key, code = key == " " ? "Space" : key, windowsVirtualKeyCode = CodeOf(key), text });
            await SendAsync(
                "Input.dispatchKeyEvent",
                new { type = "keyUp", key, code = key == " " ? "Space" : key, windowsVirtualKeyCode = CodeOf(key) });
        }
    }

    /// <summary>Keeps a picture of the whole page under artifacts/screenshots.</summary>
    public async Task KeepPictureAsync(string name)
    {
        await EvaluateAsync<bool>(
            "Promise.all(document.getAnimations().map(animation => animation.finished.catch(() => 0))).then(() => true)");
        var picture = await SendAsync("Page.captureScreenshot", new { format = "png", captureBeyondViewport = true });
        await File.WriteAllBytesAsync(
            Path.Combine(Repository.Screenshots, $"{name}-{_screen.Name}.png"), picture.GetProperty("data").GetBytesFromBase64(),
            TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _devTools.EventReceived -= TakeEvent;
        await _devTools.SendAsync("Target.closeTarget", new { targetId = _target });
    }

    private static int CodeOf(string key) => key switch
    {
        "Tab" => 9,
        " " => 32,
        "ArrowLeft" => 37,
        "ArrowUp" => 38,
        "ArrowRight" => 39,
        "ArrowDown" => 40,
        "Delete" => 46,
        _ => throw new ArgumentOutOfRangeException(nameof(key), key, null),
    };

    private Task<JsonElement> SendAsync(string method, object? parameters = null) => _devTools.SendAsync(method, parameters, _session);

    private Task<JsonElement> TouchAsync(string touch, string mouse, (double X, double Y) place) => _screen.IsTouch
        ? SendAsync(
            "Input.dispatchTouchEvent",
            new { type = touch, touchPoints = touch == "touchEnd" ? [] : new[] { new { x = place.X, y = place.Y } } })
        : SendAsync(
            "Input.dispatchMouseEvent", new { type = mouse, x = place.X, y = place.Y, button = "left", buttons = 1, clickCount = 1 });

    private void TakeEvent(string session, string name, JsonElement parameters)
    {
        if (session != _session) return;
        if (name is "Runtime.exceptionThrown" or "Log.entryAdded") _complaints.Enqueue(parameters.ToString());
    }
}
