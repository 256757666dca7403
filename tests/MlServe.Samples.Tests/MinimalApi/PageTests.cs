using MlServe.Samples.Browser;

namespace MlServe.Samples.MinimalApi;

public sealed class PageTests(MinimalApiProcess api, Chromium chromium)
{
    private const string IsAnswered = "document.querySelector('#answer').dataset.state === 'answered'";

    private static readonly (double X, double Y)[] Seven = [(0.28, 0.2), (0.74, 0.2), (0.45, 0.84)];
    private static readonly (double X, double Y)[] One = [(0.52, 0.16), (0.48, 0.86)];

    public static TheoryData<Screen> Screens =>
        [Screen.Desktop, Screen.Desktop with { IsDark = true }, Screen.Phone, Screen.Phone with { IsDark = true }, Screen.SmallPhone];

    [Theory]
    [MemberData(nameof(Screens))]
    public async Task Drawing_ASeven_IsRead(Screen screen) => await DrawAndReadAsync(screen, Seven, 7);

    [Theory]
    [MemberData(nameof(Screens))]
    public async Task Drawing_AOne_IsRead(Screen screen) => await DrawAndReadAsync(screen, One, 1);

    [Fact]
    public async Task Drawing_SmallAndInACorner_IsReadTheSame()
    {
        await using var page = await OpenAsync(Screen.Desktop);
        await page.DrawAsync("#paper", [.. Seven.Select(static point => (0.7 + (point.X / 4), 0.05 + (point.Y / 4)))]);
        await page.UntilAsync(IsAnswered);
        Assert.Equal("7", await page.TextAsync("#digit"));
    }

    [Fact]
    public async Task Drawing_PenStillDown_IsReadAlready()
    {
        await using var page = await OpenAsync(Screen.Desktop);
        await page.DrawAsync("#paper", Seven, andLift: false);
        await page.UntilAsync($"{IsAnswered} && document.querySelector('#digit').textContent === '7'");
    }

    [Fact]
    public async Task Drawing_WithKeysAlone_IsReadAndSaidAloud()
    {
        await using var page = await OpenAsync(Screen.Desktop);
        await page.PressAsync("Tab");
        Assert.Equal("paper", await page.EvaluateAsync<string>("document.activeElement.id"));
        await page.PressAsync(" ");
        await page.PressAsync("ArrowDown", times: 16);
        await page.UntilAsync(IsAnswered);
        Assert.Equal("1", await page.TextAsync("#digit"));
        await page.UntilAsync("document.querySelector('[role=status]').textContent.startsWith('It is a 1, ')");
        await page.KeepPictureAsync("keys");

        await page.PressAsync("Delete");
        await page.UntilAsync("document.querySelector('#answer').dataset.state === 'idle'");
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task Clear_AfterADrawing_BeginsAnew()
    {
        await using var page = await OpenAsync(Screen.Desktop);
        Assert.True(await page.EvaluateAsync<bool>("document.querySelector('#clear').disabled"));
        await page.DrawAsync("#paper", Seven);
        await page.UntilAsync(IsAnswered);
        await page.DrawAsync("#clear", [(0.5, 0.5)]);
        await page.UntilAsync("document.querySelector('#answer').dataset.state === 'idle'");
        Assert.Equal("?", await page.TextAsync("#digit"));
        Assert.All(await SharesAsync(page), static share => Assert.Equal("–", share));

        await page.DrawAsync("#paper", One);
        await page.UntilAsync(IsAnswered);
        Assert.Equal("1", await page.TextAsync("#digit"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Refusal_BusyService_IsShownAndTriedAgain(bool isDark)
    {
        await using var page = await OpenAsync(Screen.Desktop with { IsDark = isDark });
        await page.EvaluateAsync<bool>(
            """
            window.answers = window.fetch;
            window.fetch = async () => new Response('{ "detail": "The queue is full." }', { status: 503, headers: { 'Retry-After': '1' } });
            true
            """);
        await page.DrawAsync("#paper", Seven);
        await page.UntilAsync("document.querySelector('#answer').dataset.state === 'refused'");
        Assert.Equal("The service is busy", await page.TextAsync("#verdict"));
        Assert.Equal("The queue is full.", await page.TextAsync("#detail"));
        Assert.Equal("Trying again in 1 s", await page.TextAsync("#origin"));
        Assert.True(await LowestContrastAsync(page) >= 4.5);
        await page.KeepPictureAsync("refused");

        await page.EvaluateAsync<bool>("window.fetch = window.answers; true");
        await page.UntilAsync(IsAnswered);
        Assert.Equal("7", await page.TextAsync("#digit"));
    }

    [Fact]
    public async Task Refusal_NoService_IsShown()
    {
        await using var page = await OpenAsync(Screen.Desktop);
        await page.EvaluateAsync<bool>("window.fetch = () => Promise.reject(new TypeError('Failed to fetch')); true");
        await page.DrawAsync("#paper", Seven);
        await page.UntilAsync("document.querySelector('#answer').dataset.state === 'refused'");
        Assert.Equal("The service cannot be reached", await page.TextAsync("#verdict"));
    }

    [Theory]
    [MemberData(nameof(Screens))]
    public async Task Page_EveryScreen_FitsAndCanBeRead(Screen screen)
    {
        await using var page = await OpenAsync(screen);
        await page.KeepPictureAsync("empty");
        await page.DrawAsync("#paper", Seven);
        await page.UntilAsync(IsAnswered);
        Assert.Equal(screen.Width, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        Assert.Empty(await page.EvaluateAsync<string[]>(
            """
            [...document.querySelectorAll('body *')]
                .filter(element => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline'
                    && !element.matches('.spoken, .track'))
                .map(element => element.outerHTML)
            """));
        Assert.True(await LowestContrastAsync(page) >= 4.5);
    }

    private static Task<string[]> SharesAsync(BrowserPage page) =>
        page.EvaluateAsync<string[]>("[...document.querySelectorAll('#bars .share')].map(share => share.textContent)");

    // WCAG 2.2: the relative luminance of each text and of what lies behind it; AA wants 4.5 to 1.
    private static async Task<double> LowestContrastAsync(BrowserPage page)
    {
        await page.EvaluateAsync<bool>(
            "Promise.all(document.getAnimations().map(animation => animation.finished.catch(() => 0))).then(() => true)");
        return await page.EvaluateAsync<double>(
            """
            (() => {
                const channels = color => color.match(/[\d.]+/g).map(Number);
                const luminance = color => {
                    const [r, g, b] = channels(color).map(value => value / 255)
                        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                };
                const isClear = color => channels(color)[3] === 0;
                const behind = element => {
                    const color = getComputedStyle(element).backgroundColor;
                    return isClear(color) ? behind(element.parentElement) : color;
                };
                const ownText = element => [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
                return Math.min(...[...document.querySelectorAll('body *')].filter(ownText).map(element => {
                    const [dark, light] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => a - b);
                    return (light + 0.05) / (dark + 0.05);
                }));
            })()
            """);
    }

    private Task<BrowserPage> OpenAsync(Screen screen) => chromium.OpenAsync(api.Address, screen);

    private async Task DrawAndReadAsync(Screen screen, (double X, double Y)[] digit, int expected)
    {
        await using var page = await OpenAsync(screen);
        await page.DrawAsync("#paper", digit);
        await page.UntilAsync(IsAnswered);

        Assert.Equal($"{expected}", await page.TextAsync("#digit"));
        Assert.Equal($"It is a {expected}", await page.TextAsync("#verdict"));

        // Other tests ask the same service meanwhile: now and then two requests share a batch.
        Assert.Matches(@"^digits v1[\d.]+ ms to predict(in a batch of \d+)?\d+ ms in all$", await page.TextAsync("#origin"));
        var shares = (await SharesAsync(page))
            .Select(static share => double.Parse(share.TrimEnd('%'), System.Globalization.CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(10, shares.Count);
        Assert.Equal(100, shares.Sum(), 1.0);
        Assert.Equal(expected, shares.IndexOf(shares.Max()));
        Assert.Equal(
            expected, await page.EvaluateAsync<int>("[...document.querySelectorAll('#bars li')].findIndex(row => row.matches('.best'))"));
        await page.KeepPictureAsync($"digit-{expected}");
        Assert.Empty(page.Complaints);
    }
}
