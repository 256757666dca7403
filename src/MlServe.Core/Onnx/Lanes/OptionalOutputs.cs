using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace MlServe.Onnx;

/// <summary>
/// Runs a model that may leave an output without a value. The runtime's C# API ends the process when it wraps such an output: it asks a
/// null pointer for its type. It does not offer the C API's HasValue either. So the outputs are bound and asked natively, and only those
/// with a value are wrapped.
/// </summary>
internal static unsafe partial class OptionalOutputs
{
    // Positions in the C API's table of functions, which only ever grows at its end (onnxruntime_c_api.h).
    private const uint ApiVersion = 22;
    private const int GetErrorMessage = 2;
    private const int AllocatorFree = 76;
    private const int GetAllocatorWithDefaultOptions = 78;
    private const int ReleaseStatus = 93;
    private const int ReleaseValue = 96;
    private const int GetBoundOutputValues = 140;
    private const int HasValue = 192;

    /// <summary>Runs and returns the outputs in the order of their names, null for one without a value. The caller disposes them.</summary>
    public static OrtValue?[] Run(
        InferenceSession session, RunOptions options, IReadOnlyList<string> inputNames, IReadOnlyList<OrtValue> inputs,
        IReadOnlyCollection<string> outputs)
    {
        string[] names = [.. outputs];
        int[] positions = [.. Enumerable.Range(0, names.Length)];
        while (true)
        {
            using var binding = session.CreateIoBinding();
            for (var i = 0; i < inputNames.Count; i++)
                binding.BindInput(inputNames[i], inputs[i]);
            foreach (var position in positions)
                binding.BindOutputToDevice(names[position], OrtMemoryInfo.DefaultInstance);
            session.RunWithBinding(options, binding);

            var present = FindPresent(binding, positions.Length);
            if (Array.TrueForAll(present, static has => has)) return Place(binding, positions, names.Length);

            // The outputs of a binding can only be wrapped all at once: where some have no value, the others are computed again.
            positions = [.. positions.Where((_, i) => present[i])];
            if (positions.Length == 0) return new OrtValue?[names.Length];
        }
    }

    private static OrtValue?[] Place(OrtIoBinding binding, int[] positions, int count)
    {
        var values = new OrtValue?[count];
        var bound = binding.GetOutputValues();
        for (var i = 0; i < positions.Length; i++)
            values[positions[i]] = bound[i];
        return values;
    }

    private static bool[] FindPresent(OrtIoBinding binding, int count)
    {
        var api = GetApi();
        nint allocator;
        Check(api, ((delegate* unmanaged<nint*, nint>)api[GetAllocatorWithDefaultOptions])(&allocator));

        // Gives shares of the values, in the order in which they were bound, in an array of its own.
        nint* values;
        nuint found;
        Check(api, ((delegate* unmanaged<nint, nint, nint**, nuint*, nint>)api[GetBoundOutputValues])(
            binding.DangerousGetHandle(), allocator, &values, &found));
        var present = new bool[count];
        for (var i = 0; i < (int)found; i++)
        {
            int has;
            Check(api, ((delegate* unmanaged<nint, int*, nint>)api[HasValue])(values[i], &has));
            present[i] = has != 0;
            ((delegate* unmanaged<nint, void>)api[ReleaseValue])(values[i]);
        }

        Check(api, ((delegate* unmanaged<nint, void*, nint>)api[AllocatorFree])(allocator, values));
        return present;
    }

    /// <summary>The C API's table of functions.</summary>
    private static nint* GetApi()
    {
        var api = ((delegate* unmanaged<uint, nint*>)OrtGetApiBase()[0])(ApiVersion);
        return api is not null
            ? api
            : throw new NotSupportedException($"The native ONNX Runtime has no C API of version {ApiVersion}. Update its package.");
    }

    private static void Check(nint* api, nint status)
    {
        if (status == 0) return;
        var message = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint>)api[GetErrorMessage])(status));
        ((delegate* unmanaged<nint, void>)api[ReleaseStatus])(status);
        throw new NotSupportedException($"The outputs could not be looked at: {message}");
    }

    [LibraryImport("onnxruntime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static partial nint* OrtGetApiBase();
}
