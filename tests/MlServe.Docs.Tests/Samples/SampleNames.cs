using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;
using MlServe.Onnx;

namespace MlServe.Docs.Samples;

/// <summary>
/// The names that parts of programs in the documents take for granted: <c>using static</c> for every block that has no <c>using</c> of its
/// own. They are only compiled against, never used.
/// </summary>
public static class SampleNames
{
    public static HostApplicationBuilder builder => throw NotRun();

    public static WebApplication app => throw NotRun();

    public static IHost host => throw NotRun();

    public static IServiceProvider services => throw NotRun();

    public static IPredictor predictor => throw NotRun();

    public static IPredictor digits => throw NotRun();

    public static IPredictor model => throw NotRun();

    public static IPredictor inner => throw NotRun();

    public static OnnxModelOptions options => throw NotRun();

    public static Prediction prediction => throw NotRun();

    public static CancellationToken cancellationToken => throw NotRun();

    /// <summary>One image of 28 x 28, from 0 to 1.</summary>
    public static float[] pixels => throw NotRun();

    /// <summary>32 images.</summary>
    public static float[] pixels32 => throw NotRun();

    /// <summary>One image, a byte each pixel.</summary>
    public static byte[] image => throw NotRun();

    /// <summary>Images, one request each.</summary>
    public static IReadOnlyList<float[]> images => throw NotRun();

    /// <summary>Two texts of 128 tokens.</summary>
    public static long[] ids => throw NotRun();

    public static long[] mask => throw NotRun();

    public static void Encode(House house, PredictionInputWriter writer) => throw NotRun();

    public static Price Decode(Prediction answer) => throw NotRun();

    private static NotSupportedException NotRun() => new("Names of the documents are compiled, not run.");
}

/// <summary>An input of an application.</summary>
/// <param name="Area">Square metres.</param>
/// <param name="Rooms">How many.</param>
public sealed record House(float Area, float Rooms);

/// <summary>What an application wants to know.</summary>
/// <param name="Amount">In the currency of the model.</param>
public sealed record Price(decimal Amount);
