using MlServe.Fakes;

namespace MlServe.Onnx;

/// <summary>Providers on a machine that has only the processor.</summary>
public sealed class ExecutionProviderTests
{
    [Theory]
    [InlineData(ExecutionProvider.Cuda, "Microsoft.ML.OnnxRuntime.Gpu")]
    [InlineData(ExecutionProvider.TensorRt, "Microsoft.ML.OnnxRuntime.Gpu")]
    [InlineData(ExecutionProvider.DirectMl, "Microsoft.ML.OnnxRuntime.DirectML")]
    [InlineData(ExecutionProvider.OpenVino, "Intel.ML.OnnxRuntime.OpenVino")]
    [InlineData(ExecutionProvider.CoreMl, "Microsoft.ML.OnnxRuntime on macOS")]
    public void Load_RequiredAndMissing_NamesThePackage(ExecutionProvider provider, string package)
    {
        SkipWhereThereIs(provider);
        var exception = Assert.Throws<ModelLoadException>(() => TinyModels.Affine().Load(new()
        {
            ExecutionProviders = [new() { Provider = provider, Requirement = ProviderRequirement.Required }],
        }));
        Assert.Equal(ModelLoadFailure.ExecutionProviderMissing, exception.Failure);
        Ask.Says(exception.Message, provider.ToString(), package, "CPUExecutionProvider");
        Assert.NotNull(exception.InnerException);
    }

    [Theory]
    [InlineData(ExecutionProvider.Cuda, "Microsoft.ML.OnnxRuntime.Gpu")]
    [InlineData(ExecutionProvider.TensorRt, "TensorRT")]
    [InlineData(ExecutionProvider.DirectMl, "Microsoft.ML.OnnxRuntime.DirectML")]
    [InlineData(ExecutionProvider.OpenVino, "Intel.ML.OnnxRuntime.OpenVino")]
    [InlineData(ExecutionProvider.CoreMl, "macOS")]
    public void Load_MissingElseNext_RunsOnTheProcessorAndSaysSo(ExecutionProvider provider, string advice)
    {
        SkipWhereThereIs(provider);
        var log = new LogList();
        using var predictor = TinyModels.Affine()
            .Load(new() { ExecutionProviders = [new() { Provider = provider }] }, new() { LoggerFactory = log, Name = "digits" });
        var description = predictor.GetService<OnnxModelDescription>()!;
        Assert.Equal("CPUExecutionProvider", description.ExecutionProvider);
        Ask.Says(Assert.Single(description.ProvidersPassedOver), provider.ToString(), advice);
        var entry = Assert.Single(log.Entries, static entry => entry.Id.Name == "ProviderPassedOver");
        Assert.Equal(Microsoft.Extensions.Logging.LogLevel.Warning, entry.Level);
        Ask.Says(entry.Text, "digits", advice);
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[4]));
        Assert.True(prediction.IsOk);
    }

    /// <summary>As the managed package says it beside a native one of 1.30.</summary>
    [Fact]
    public void ToLoadException_NativePackageIsOlder_SaysWhichToReference()
    {
        var thrown = new TypeInitializationException(
            "Microsoft.ML.OnnxRuntime.NativeMethods",
            new InvalidOperationException("The native ONNX Runtime library does not support API version 31."));

        var told = OrtErrors.ToLoadException(thrown, "m.onnx");

        Assert.Equal(ModelLoadFailure.NativeRuntimeMissing, told.Failure);
        Assert.StartsWith(
            "The native ONNX Runtime is older than the package Microsoft.ML.OnnxRuntime.Managed ", told.Message, StringComparison.Ordinal);
        Assert.Contains("(The native ONNX Runtime library does not support API version 31). Reference version", told.Message,
            StringComparison.Ordinal);
    }

    /// <summary>As the package Microsoft.ML.OnnxRuntime.Gpu 1.31.0 says it, for Linux and Windows: it is there, and CUDA is not.</summary>
    [Theory]
    [InlineData(
        "[ErrorCode:Fail] /onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:2043 onnxruntime::Provider& "
        + "onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library "
        + "/app/runtimes/linux-x64/native/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: "
        + "No such file or directory\n",
        "libonnxruntime_providers_cuda.so needs libcublasLt.so.13, which is missing", "Install the CUDA Toolkit 13, which has it")]
    [InlineData(
        "Failed to load library /a/libonnxruntime_providers_cuda.so with error: libcudnn.so.9: cannot open shared object file: No such",
        "libonnxruntime_providers_cuda.so needs libcudnn.so.9, which is missing", "Install cuDNN 9, which has it")]
    [InlineData(
        "Failed to load library /a/libonnxruntime_providers_tensorrt.so with error: libnvinfer.so.10: cannot open shared object file: No",
        "libonnxruntime_providers_tensorrt.so needs libnvinfer.so.10, which is missing", "Install TensorRT 10, which has it")]
    [InlineData(
        "Failed to load library /a/libonnxruntime_providers_cuda.so with error: libcuda.so.1: cannot open shared object file: No such",
        "libonnxruntime_providers_cuda.so needs libcuda.so.1, which is missing", "Install the NVIDIA driver, which has it")]
    [InlineData(
        "[ONNXRuntimeError] : 1 : FAIL : Error loading \"C:\\app\\onnxruntime_providers_cuda.dll\" which depends on "
        + "\"cublasLt64_13.dll\" which is missing. (Error 126: \"\")",
        "onnxruntime_providers_cuda.dll needs cublasLt64_13.dll, which is missing", "Install the CUDA Toolkit 13, which has it")]
    public void Find_LibraryOfAProviderIsMissing_NamesItAndWhereItComesFrom(string message, string cause, string advice)
    {
        var missing = MissingLibrary.Find(message)!;

        Assert.Equal(cause, missing.Cause);
        Assert.StartsWith(advice, missing.Advice, StringComparison.Ordinal);
        Assert.Null(MissingLibrary.Find("CUDA failure 35: CUDA driver version is insufficient"));
    }

    [Fact]
    public void Load_SeveralMissing_TriesThemInOrder()
    {
        SkipWhereThereIs(ExecutionProvider.Cuda);
        using var predictor = TinyModels.Affine().Load(new()
        {
            ExecutionProviders = [new() { Provider = ExecutionProvider.TensorRt }, new() { Provider = ExecutionProvider.Cuda }, new(),
                new() { Provider = ExecutionProvider.DirectMl }],
        });
        var passedOver = predictor.GetService<OnnxModelDescription>()!.ProvidersPassedOver;
        Assert.Equal(2, passedOver.Count);
        Ask.Says(passedOver[0], "TensorRt");
        Ask.Says(passedOver[1], "Cuda");

        // What stands behind the processor cannot matter, and one that is required and stands before it must be had.
        Assert.Throws<ModelLoadException>(() => TinyModels.Affine().Load(new()
        {
            ExecutionProviders = [new() { Provider = ExecutionProvider.TensorRt },
                new() { Provider = ExecutionProvider.Cuda, Requirement = ProviderRequirement.Required }],
        }));
    }

    [Fact]
    public void Load_CpuRequired_HasNothingPassedOver()
    {
        using var predictor = TinyModels.Affine()
            .Load(new() { ExecutionProviders = [new() { Requirement = ProviderRequirement.Required }] });
        var description = predictor.GetService<OnnxModelDescription>()!;
        Assert.Equal("CPUExecutionProvider", description.ExecutionProvider);
        Assert.Empty(description.ProvidersPassedOver);
    }

    [Fact]
    public void Load_Auto_ReportsWhatIsInUse()
    {
        SkipWhereThereIs(ExecutionProvider.Cuda);
        using var predictor = TinyModels.Affine().Load(new() { ExecutionProviders = [new() { Provider = ExecutionProvider.Auto }] });
        Assert.Equal("CPUExecutionProvider", predictor.GetService<OnnxModelDescription>()!.ExecutionProvider);
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2, 3, 4 }));
        Assert.Equal([3, 5, 7, 9], prediction.EnsureOk()["y"].ToArray<float>());
    }

    [Fact]
    public void ToDictionary_EachProvider_HasItsOwnWords()
    {
        Assert.Equal(Entries(("device_id", "2")), ProviderSettings.ToDictionary(new() { Provider = ExecutionProvider.Cuda, DeviceId = 2 }));
        Assert.Equal(Entries(("device_id", "0")), ProviderSettings.ToDictionary(new() { Provider = ExecutionProvider.TensorRt }));
        Assert.Empty(ProviderSettings.ToDictionary(new() { Provider = ExecutionProvider.CoreMl, DeviceId = 1 }));
        Assert.Empty(ProviderSettings.ToDictionary(new() { Provider = ExecutionProvider.OpenVino }));
        Assert.Equal(
            Entries(("device_type", "GPU.1")),
            ProviderSettings.ToDictionary(new() { Provider = ExecutionProvider.OpenVino, DeviceId = 1 }));
        Assert.Equal(
            Entries(("device_id", "7"), ("gpu_mem_limit", "1024")),
            ProviderSettings.ToDictionary(new()
            {
                Provider = ExecutionProvider.Cuda,
                Settings = { ["device_id"] = "7", ["gpu_mem_limit"] = "1024" },
            }));
        Assert.Equal("CoreML", ProviderNames.ShortOf(ExecutionProvider.CoreMl));
        Assert.Equal("OpenVINO", ProviderNames.ShortOf(ExecutionProvider.OpenVino));
    }

    [Fact]
    public void Load_FreeDimensions_AreFixed()
    {
        using var predictor = TinyModels.FreeLength().Load(new() { FreeDimensions = { ["T"] = 3 } });
        Assert.Equal(3, predictor.Signature.Inputs[0].Shape[1].Size);
        Assert.True(predictor.Signature.IsBatchable, predictor.Signature.BatchingNote);
        Ask.TheError(predictor, PredictionInputs.Row(new float[4]), PredictionErrorCode.InputLengthMismatch);
        using var prediction = Ask.The(predictor, PredictionInputs.Rows(new float[6], 2));
        Assert.Equal([2, 3], prediction.EnsureOk()["y"].Shape.ToArray());
    }

    [Theory]
    [InlineData(GraphOptimization.None)]
    [InlineData(GraphOptimization.Basic)]
    [InlineData(GraphOptimization.Extended)]
    [InlineData(GraphOptimization.All)]
    public void Load_EveryOptimizationAndThreading_AnswersAlike(GraphOptimization optimization)
    {
        using var predictor = TinyModels.Affine().Load(new()
        {
            Optimization = optimization,
            IntraOpThreads = 0,
            InterOpThreads = 2,
            AllowSpinning = true,
            UseArena = false,
            SessionEntries = { ["session.set_denormal_as_zero"] = "1" },
        });
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2, 3, 4 }));
        Assert.Equal([3, 5, 7, 9], prediction.EnsureOk()["y"].ToArray<float>());
    }

    [Fact]
    public void Load_SharedPoolThatIsNotThere_UsesItsOwnThreadsAndSaysSo()
    {
        var log = new LogList();
        using var predictor = TinyModels.Affine().Load(new() { UseSharedThreadPool = true }, new() { LoggerFactory = log });
        Assert.Contains(log.Entries, static entry => entry.Id.Name == "NoSharedThreadPool");
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[4]));
        Assert.True(prediction.IsOk);
    }

    [Fact]
    public void GetService_TellsWhatIsKnown()
    {
        var log = new LogList();
        using var predictor = TinyModels.Affine().Load(null, new() { Name = "digits", Version = "7", LoggerFactory = log });
        var description = predictor.GetService<OnnxModelDescription>()!;
        Assert.Equal("digits", description.Identity.Name);
        Assert.Equal("7", description.Identity.Version);
        Assert.Equal("tiny", description.Origin);
        Assert.Equal(TinyModels.Affine().ToArray().Length, description.SizeInBytes);
        Assert.False(description.FromOptimizedCache);
        Assert.NotEmpty(description.RuntimeVersion);
        Assert.Equal(2, description.Info.NodeCount);
        Assert.Same(description.Identity, predictor.GetService<ModelIdentity>());
        Assert.Same(predictor, predictor.GetService<OnnxPredictor>());
        Assert.Same(predictor, predictor.GetService<IPredictor>());
        Assert.Null(predictor.GetService<string>());
        Assert.Null(predictor.GetService<ModelIdentity>("key"));
        Assert.Null(predictor.GetService(typeof(Microsoft.ML.OnnxRuntime.InferenceSession)));
        Assert.Throws<ArgumentNullException>(() => predictor.GetService(null!));
        Ask.Says(
            Assert.Single(log.Entries, static entry => entry.Id.Name == "ModelLoaded").Text, "digits", "7", description.Identity.Digest,
            "CPUExecutionProvider");
    }

    private static void SkipWhereThereIs(ExecutionProvider provider)
    {
        TinyModels.Affine().Load().Dispose();
        if (Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetAvailableProviders().Contains(ProviderNames.Of(provider)))
            Assert.Skip($"Needs a native runtime without {provider}.");
    }

    private static Dictionary<string, string> Entries(params (string Key, string Value)[] entries) =>
        entries.ToDictionary(static entry => entry.Key, static entry => entry.Value);
}
