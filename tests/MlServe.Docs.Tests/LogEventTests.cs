using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Logging;
using MlServe.Onnx;
using MlServe.Quantization;
using Xunit;

namespace MlServe.Docs;

public sealed class LogEventTests
{
    [Fact]
    public void Page_EveryLogEvent_IsListed()
    {
        var page = File.ReadAllText(Repository.PathOf("docs/observability.md"));
        var events = new[] { typeof(OnnxPredictor).Assembly, typeof(MlServingOptions).Assembly, typeof(OnnxQuantizer).Assembly }
            .SelectMany(static assembly => assembly.GetTypes())
            .SelectMany(static type =>
                type.GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance))
            .Select(static method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>().ToList();

        Assert.Distinct(events.Select(static message => message.EventId));
        Assert.All(events, message => Assert.Contains(
            string.Create(CultureInfo.InvariantCulture, $"| {message.EventId} | {message.Level} |"), page, StringComparison.Ordinal));
    }
}
