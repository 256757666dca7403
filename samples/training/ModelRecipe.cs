using MlServe.Samples.Training.Networks;

namespace MlServe.Samples.Training;

/// <summary>How a model is made, and the accuracy on the test images below which it is not written.</summary>
internal sealed record ModelRecipe(Func<DigitNetwork> Network, int Epochs, double MaxLearningRate, double LeastAccuracy, string Description)
{
    public const int BatchSize = 100;
    public const long Seed = 1;

    public static IReadOnlyList<ModelRecipe> All { get; } =
    [
        new(static () => new DigitsNetwork(), Epochs: 6, MaxLearningRate: 4e-3, LeastAccuracy: 0.99,
            "Handwritten digits, trained on MNIST: a convolutional network."),
        new(static () => new SmallDigitsNetwork(), Epochs: 10, MaxLearningRate: 1e-2, LeastAccuracy: 0.92,
            "Handwritten digits, trained on MNIST: a small fallback for the model 'digits'."),
    ];
}
