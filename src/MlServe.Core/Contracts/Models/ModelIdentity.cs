namespace MlServe;

/// <summary>Which model, and which version of it. Immutable.</summary>
/// <param name="Name">The name by which the application asks for the model; also its DI key, its options' name and its metric tag.</param>
/// <param name="Version">The version's name; <c>1</c> if none was given.</param>
/// <param name="Digest">SHA-256 of the model's bytes, 64 lowercase hexadecimal digits; empty for a predictor that is not made of a
/// file.</param>
public sealed record ModelIdentity(string Name, string Version = "1", string Digest = "");
