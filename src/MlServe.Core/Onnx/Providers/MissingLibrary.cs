using System.Text.RegularExpressions;

namespace MlServe.Onnx;

/// <summary>
/// A library that an execution provider needs and that the machine does not have: the provider's own library is there, and so is the
/// package that brings it.
/// </summary>
/// <param name="Name">The file that is missing.</param>
/// <param name="NeededBy">The provider's library, if the message tells.</param>
internal sealed record MissingLibrary(string Name, string? NeededBy)
{
    private const string Linux = @"Failed to load library (?<owner>.+?) with error: (?<name>[^:\s]+): cannot open shared object file";
    private const string Windows = """Error loading "(?<owner>[^"]+)" which depends on "(?<name>[^"]+)" which is missing""";
    private const string MacOs = @"Failed to load library (?<owner>.+?) with error:.*?Library not loaded: (?<name>\S+)";
    private const string Version = @"(?:\.so\.|_)(\d+)";

    /// <summary>Reads the runtime's message if a provider's library could not be opened; null if it is another one.</summary>
    public static MissingLibrary? Find(string message)
    {
        var match = Regex.Match(message, Linux);
        if (!match.Success) match = Regex.Match(message, Windows);
        if (!match.Success) match = Regex.Match(message, MacOs, RegexOptions.Singleline);
        if (!match.Success) return null;
        var owner = match.Groups["owner"].Value;
        var name = FileName(match.Groups["name"].Value);
        return new(name, FileName(owner) is { Length: > 0 } needing && needing != name ? needing : null);
    }

    /// <summary>The missing file, and the library that needs it.</summary>
    public string Cause => NeededBy is null ? $"the library {Name} is missing" : $"{NeededBy} needs {Name}, which is missing";

    /// <summary>The product that has it, and the remedy.</summary>
    public string Advice => $"Install {Product}, which has it{Place}.";

    private string Product => Name switch
    {
        _ when Has("cudnn") => $"cuDNN{Major}",
        _ when Has("nvinfer") || Has("nvonnxparser") => $"TensorRT{Major}",
        _ when Has("libcuda.so") || Has("nvcuda") => "the NVIDIA driver",
        _ when Has("cu") || Has("nvrtc") || Has("nvJitLink") => $"the CUDA Toolkit{Major}",
        _ when Has("openvino") || Has("tbb") => $"OpenVINO{Major}",
        _ => "another package of the system",
    };

    /// <summary>The place in which the system looks for it.</summary>
    private static string Place => OperatingSystem.IsWindows()
        ? ", and put its folder into PATH"
        : ", and put its folder into LD_LIBRARY_PATH if the system does not find it";

    /// <summary>The version that the name tells: libcublasLt.so.13, cublasLt64_13.dll.</summary>
    private string Major => Regex.Match(Name, Version) is { Success: true } match ? $" {match.Groups[1].Value}" : "";

    private bool Has(string part) => Name.Contains(part, StringComparison.OrdinalIgnoreCase);

    private static string FileName(string path) => path[(path.LastIndexOfAny(['/', '\\']) + 1)..];
}
