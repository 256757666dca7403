using System.Runtime.InteropServices;

namespace MlServe.Samples.Training;

/// <summary>Loads TorchSharp's native library where the system's C++ library is a little too old for it, as on Debian 12.</summary>
internal static class LibTorch
{
    // From GCC 13. All that TorchSharp 0.107.0 takes from it is a marker, ios_base_library_init, which no code calls.
    private const string MissingVersion = "GLIBCXX_3.4.32";

    public static void Load()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libLibTorchSharp.so");
        if (!File.Exists(path))
            return;

        try
        {
            NativeLibrary.Load(path);
        }
        catch (DllNotFoundException e) when (e.Message.Contains(MissingVersion, StringComparison.Ordinal))
        {
            Console.WriteLine($"No {MissingVersion} on this system: LibTorchSharp's need of it is made weak in the build output.");
            var library = File.ReadAllBytes(path);
            ElfVersionNeeds.MakeWeak(library, MissingVersion);
            // Another file in its place, since the old one may be a link into the package folder.
            File.WriteAllBytes($"{path}.tmp", library);
            File.Move($"{path}.tmp", path, overwrite: true);
            NativeLibrary.Load(path);
        }
    }
}
