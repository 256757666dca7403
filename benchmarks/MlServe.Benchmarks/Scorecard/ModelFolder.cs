using System.Globalization;
using System.Text;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>Models in files, for fresh processes to load.</summary>
internal sealed class ModelFolder : IDisposable
{
    /// <summary>The tag of a model's <c>doc_string</c>: copies with another text are other models.</summary>
    private const byte DocString = 0x32;

    private readonly PrecompiledCopy _program = PrecompiledCopy.Make();
    private readonly int _count;

    public ModelFolder(IEnumerable<byte[]> models)
    {
        foreach (var model in models)
            File.WriteAllBytes(System.IO.Path.Combine(Path, string.Create(CultureInfo.InvariantCulture, $"m{_count++:0000}.onnx")), model);
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("mlserve-load-").FullName;

    /// <summary>The digits' model, or copies of it of which each is another model.</summary>
    public static ModelFolder OfDigits(int count = 1)
    {
        var digits = File.ReadAllBytes(System.IO.Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx"));
        return new(Enumerable.Range(0, count).Select(i =>
        {
            var text = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"copy {i}"));
            return (byte[])[.. digits, DocString, (byte)text.Length, .. text];
        }));
    }

    /// <summary>Loads all of them in a process of their own, and asks each once.</summary>
    /// <exception cref="InvalidOperationException">One did not answer.</exception>
    public LoadResult Ask(LoadWay way)
    {
        var result = OwnProcess.Ask<LoadResult>(_program, LoadChild.Command, way.ToString(), Path);
        return result.Answered == _count || way == LoadWay.BareHost
            ? result
            : throw new InvalidOperationException($"Only {result.Answered} of {_count} models answered ({way}).");
    }

    /// <summary>Has callers ask the only one from the moment on at which its host is ready, in a process of its own.</summary>
    public FirstSecondsResult AskFirstSeconds() => OwnProcess.Ask<FirstSecondsResult>(_program, FirstSecondsChild.Command, Path);

    public void Dispose()
    {
        _program.Dispose();
        Directory.Delete(Path, recursive: true);
    }
}
