using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace MlServe.Samples.MinimalApi;

public sealed class ApiTests(MinimalApiProcess api)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Digits_ImageOfASeven_AnswersSevenAndWhereItCameFrom()
    {
        using var response = await api.Client.PostAsJsonAsync("digits", MnistImages.First, Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var answer = (await response.Content.ReadFromJsonAsync<DigitAnswer>(Cancellation))!;
        Assert.Equal(7, answer.Digit);
        Assert.Equal(10, answer.Scores.Length);
        Assert.Equal(1, answer.Scores.Sum(), 0.001);
        Assert.Equal(answer.Scores[7], answer.Confidence);
        Assert.InRange(answer.Confidence, 0.9, 1);
        Assert.Equal(("digits", "1", "Model"), (answer.Model, answer.Version, answer.Source));
        Assert.InRange(answer.BatchRows, 1, 64);
        Assert.True(answer.Milliseconds > 0);
    }

    [Fact]
    public async Task Digits_TooFewPixels_IsRefusedInMlServesOwnWords()
    {
        var problem = await ProblemAsync("[0, 1]", HttpStatusCode.BadRequest);
        Assert.Equal(
            "Input image: float[batch,1,28,28] came with 2 elements; 1 row(s) have 784.", problem.GetProperty("detail").GetString());
        Assert.Equal("InputLengthMismatch", problem.GetProperty("code").GetString());
        Assert.Equal("invalid", problem.GetProperty("errorType").GetString());
    }

    [Theory]
    [InlineData("[-0.1]")]
    [InlineData("[255]")]
    [InlineData("[1e39]")]
    public async Task Digits_PixelOutOfRange_IsRefused(string body)
    {
        var problem = await ProblemAsync(body, HttpStatusCode.BadRequest);
        Assert.Equal("A pixel must be 0 (background) to 1 (ink).", problem.GetProperty("detail").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("[0, 1")]
    [InlineData("[\"0\"]")]
    [InlineData("[NaN]")]
    public Task Digits_Malformed_IsRefused(string body) => ProblemAsync(body, HttpStatusCode.BadRequest);

    [Fact]
    public Task Digits_BodyTooLarge_IsRefused() => ProblemAsync($"[{new string(' ', 64 * 1024)}]", HttpStatusCode.RequestEntityTooLarge);

    [Fact]
    public Task Digits_OtherMediaType_IsRefused() => ProblemAsync("[0]", HttpStatusCode.UnsupportedMediaType, "text/plain");

    [Theory]
    [InlineData("health/live")]
    [InlineData("health/ready")]
    public async Task Health_AllModelsLoaded_IsHealthy(string path) =>
        Assert.Equal("Healthy", await api.Client.GetStringAsync(path, Cancellation));

    [Fact]
    public async Task OpenApi_Always_DescribesTheRoute()
    {
        var document = await api.Client.GetFromJsonAsync<JsonElement>("openapi/v1.json", Cancellation);
        var route = document.GetProperty("paths").GetProperty("/digits").GetProperty("post");
        var body = route.GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema");
        Assert.Equal("number", body.GetProperty("items").GetProperty("type").GetString());
        Assert.Equal(
            ["200", "400", "413", "503"], route.GetProperty("responses").EnumerateObject().Select(static response => response.Name));
    }

    [Fact]
    public async Task Metrics_AfterAPrediction_HaveItsDuration()
    {
        using var response = await api.Client.PostAsJsonAsync("digits", MnistImages.First, Cancellation);
        Assert.Contains(
            (await api.Client.GetStringAsync("metrics", Cancellation)).Split('\n'),
            static line => line.StartsWith("mlserve_prediction_duration_seconds_count{", StringComparison.Ordinal)
                && line.Contains("mlserve_model=\"digits\"", StringComparison.Ordinal));
    }

    private async Task<JsonElement> ProblemAsync(string body, HttpStatusCode status, string mediaType = "application/json")
    {
        using var content = new StringContent(body, Encoding.UTF8, mediaType);
        using var response = await api.Client.PostAsync(new Uri("digits", UriKind.Relative), content, Cancellation);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        return problem;
    }
}
