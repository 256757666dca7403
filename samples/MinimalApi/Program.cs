using System.Diagnostics;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Mvc;
using MlServe;
using MlServe.Samples.MinimalApi;
using OpenTelemetry.Metrics;

if (args is ["--health"]) return await HealthProbe.RunAsync();

var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.Services.AddHostedService<DrainDelay>(); // before MlServe: services stop in reverse order
builder.Services.AddMlServing(); // the models stand in appsettings.json
builder.Services.AddHealthChecks().AddMlServing();
builder.Services.AddProblemDetails();
builder.Services.Configure<RouteHandlerOptions>(static options => options.ThrowOnBadRequest = false); // 400, in Development too
builder.Services.ConfigureHttpJsonOptions(static options => options.SerializerOptions.NumberHandling = JsonNumberHandling.Strict);
builder.Services.AddOpenApi();
builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter(MlServeDiagnostics.MeterName).AddPrometheusExporter());

var app = builder.Build();
app.UseExceptionHandler();
app.UseStatusCodePages();
app.UseFileServer(); // wwwroot: the page to draw on
app.MapOpenApi();
app.MapPrometheusScrapingEndpoint();
app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = static _ => false });
app.MapHealthChecks("/health/ready");

app.MapPost("/digits", async (float[] pixels, [FromKeyedServices("digits")] IPredictor digits, HttpContext context) =>
{
    if (pixels.AsSpan().ContainsAnyExceptInRange(0f, 1f))
        return Results.Problem("A pixel must be 0 (background) to 1 (ink).", statusCode: StatusCodes.Status400BadRequest);

    var started = Stopwatch.GetTimestamp();
    using var prediction = await digits.PredictAsync(PredictionInputs.Row(pixels), cancellationToken: context.RequestAborted);
    return prediction.IsOk
        ? Results.Ok(DigitAnswer.From(prediction, Stopwatch.GetElapsedTime(started)))
        : prediction.ToProblem(context.Response);
})
    .WithSummary("Reads a handwritten digit: 28 x 28 grey values, row by row, 0 for background and 1 for ink.")
    .WithMetadata(new RequestSizeLimitAttribute(64 * 1024))
    .Produces<DigitAnswer>()
    .ProducesProblem(StatusCodes.Status400BadRequest)
    .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
    .ProducesProblem(StatusCodes.Status503ServiceUnavailable);

await app.RunAsync();
return 0;
