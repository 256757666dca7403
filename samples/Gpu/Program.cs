using MlServe;
using MlServe.Onnx;

// Asks for a GPU and says which provider answered. With --required a missing GPU is an error, which names the package to add.
var requirement = args.Contains("--required") ? ProviderRequirement.Required : ProviderRequirement.ElseNext;
var options = new OnnxModelOptions
{
    ExecutionProviders =
    [
        new() { Provider = ExecutionProvider.TensorRt, Settings = { ["trt_fp16_enable"] = "1" } },
        new() { Provider = OperatingSystem.IsWindows() ? ExecutionProvider.DirectMl : ExecutionProvider.Cuda, Requirement = requirement },
    ],
};

try
{
    using var digits = OnnxPredictor.Load(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx"), options);
    var description = digits.GetService<OnnxModelDescription>()!;
    foreach (var reason in description.ProvidersPassedOver)
        Console.WriteLine($"passed over: {reason}");
    Console.WriteLine($"provider: {description.ExecutionProvider}");

    using var prediction = await digits.PredictAsync(PredictionInputs.Row(new float[28 * 28]));
    Console.WriteLine(
        $"status: {prediction.Status}, scores: "
        + $"{string.Join(' ', prediction["scores"].ToArray<float>().Select(score => score.ToString("0.000")))}");
    return 0;
}
catch (ModelLoadException exception)
{
    Console.Error.WriteLine($"{exception.Failure}: {exception.Message}");
    return 1;
}
