using System.Diagnostics;
using MlServe.Samples.Training.Mnist;
using MlServe.Samples.Training.Networks;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MlServe.Samples.Training;

/// <summary>Trains one network after the other on the same images, held in memory as two tensors.</summary>
internal sealed class Trainer(MnistSet training, MnistSet test) : IDisposable
{
    private const int EvaluationBatch = 500;

    private readonly Tensor _images = ImagesOf(training);
    private readonly Tensor _labels = tensor(training.Labels());
    private readonly Tensor _testImages = ImagesOf(test);
    private readonly Tensor _testLabels = tensor(test.Labels());

    public DigitNetwork Train(ModelRecipe recipe)
    {
        // Before the network is made: its first weights come from the same generator as the order of the images.
        random.manual_seed(ModelRecipe.Seed);
        var network = recipe.Network();
        var steps = (int)_images.shape[0] / ModelRecipe.BatchSize;
        using var optimizer = optim.Adam(network.parameters(), recipe.MaxLearningRate);
        var schedule = optim.lr_scheduler.OneCycleLR(optimizer, recipe.MaxLearningRate, total_steps: recipe.Epochs * steps);

        for (var epoch = 1; epoch <= recipe.Epochs; epoch++)
        {
            var watch = Stopwatch.StartNew();
            network.train();
            using var order = randperm(_images.shape[0]);
            var loss = 0.0;
            for (var step = 0; step < steps; step++)
            {
                loss += Step(network, optimizer, order, step);
                schedule.step();
            }

            var progress = FormattableString.Invariant($"loss {loss / steps:F4}, test accuracy {Accuracy(network):P2}");
            Console.WriteLine(FormattableString.Invariant(
                $"{network.GetName()}, epoch {epoch} of {recipe.Epochs}: {progress}, {watch.Elapsed.TotalSeconds:F1} s"));
        }

        return network;
    }

    /// <summary>The network's logits for all test images, ten each.</summary>
    public float[] TestLogits(DigitNetwork network)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        network.eval();
        // In batches, since the activations of 10,000 images at once take half a gigabyte.
        var batches = _testImages.split(EvaluationBatch).Select(network.forward).ToArray();
        return cat(batches).contiguous().data<float>().ToArray();
    }

    public void Dispose()
    {
        _images.Dispose();
        _labels.Dispose();
        _testImages.Dispose();
        _testLabels.Dispose();
    }

    private double Step(DigitNetwork network, optim.Optimizer optimizer, Tensor order, int step)
    {
        using var scope = NewDisposeScope();
        var batch = order.narrow(0, step * ModelRecipe.BatchSize, ModelRecipe.BatchSize);
        var loss = functional.cross_entropy(network.forward(_images[batch]), _labels[batch]);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        return loss.item<float>();
    }

    private double Accuracy(DigitNetwork network)
    {
        using var scope = NewDisposeScope();
        var guesses = tensor(TestLogits(network)).reshape(-1, 10).argmax(1);
        return guesses.eq(_testLabels).sum().item<long>() / (double)_testLabels.shape[0];
    }

    private static Tensor ImagesOf(MnistSet set) => tensor(set.Pixels(), [set.Count, 1, 28, 28]);
}
