namespace MlServe.Quantization;

/// <summary>One thing that the gate asks, and what was found.</summary>
/// <param name="Name">What is asked: "speed", "agreement of 'scores'" and so on.</param>
/// <param name="Passed">Whether it is fulfilled.</param>
/// <param name="Text">What was measured and what is asked, for a person.</param>
public sealed record GateCheck(string Name, bool Passed, string Text);
