using System.Diagnostics;
using MlServe.Samples.Training;
using MlServe.Samples.Training.Mnist;
using MlServe.Samples.Training.Onnx;
using TorchSharp;

try
{
    if (TrainingOptions.Parse(args) is { } options)
        Run(options);
    else
        Console.WriteLine(TrainingOptions.Usage);
    return 0;
}
catch (TrainingException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return e.ExitCode;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return 1;
}

static void Run(TrainingOptions options)
{
    var watch = Stopwatch.StartNew();
    var (training, test) = MnistPackage.Load(options.CacheFolder);
    LibTorch.Load();
    torch.set_num_threads(options.Threads);

    var models = new Dictionary<string, byte[]>();
    using (var trainer = new Trainer(training, test))
    {
        foreach (var recipe in ModelRecipe.All)
        {
            using var network = trainer.Train(recipe);
            var graph = new OnnxGraph(network.GetName());
            network.Export(graph);
            var model = graph.ToModel(recipe.Description);
            var proof = OnnxProof.Make(model, test, trainer.TestLogits(network), options.Threads);
            Report(network.GetName(), model, proof, recipe);
            models.Add($"{network.GetName()}.onnx", model);
        }
    }

    // Only now, when every model has been proven: models and test images in the folder always belong together.
    var assets = new AssetFolder(options.OutputFolder);
    foreach (var (name, model) in models)
        assets.Write(name, model);
    assets.WriteTestSet(test);
    Console.WriteLine(FormattableString.Invariant($"Done in {watch.Elapsed.TotalSeconds:F0} s."));
}

static void Report(string name, byte[] model, OnnxProof proof, ModelRecipe recipe)
{
    var speed = FormattableString.Invariant($"{proof.MicrosecondsPerImage:F0} µs for one image");
    var likeness = FormattableString.Invariant($"logits within {proof.LargestDifference:E1}, {proof.OtherDigits} other digits");
    Console.WriteLine(FormattableString.Invariant(
        $"{name} in ONNX Runtime: {model.Length:N0} bytes, test accuracy {proof.Accuracy:P2}, {speed}"));
    Console.WriteLine($"{name} against LibTorch on {proof.Images} images: {likeness}");

    var misses = proof.Misses(recipe.LeastAccuracy).ToArray();
    if (misses.Length > 0)
        throw new TrainingException($"{name}: {string.Join("; ", misses)}. Nothing was written.");
}
