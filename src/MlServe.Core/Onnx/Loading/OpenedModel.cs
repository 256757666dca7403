namespace MlServe.Onnx;

/// <summary>A model whose sessions are open.</summary>
/// <param name="Session">The sessions; the owner's share is the holder's.</param>
/// <param name="Providers">The provider that they run on.</param>
/// <param name="FromCache">Whether they were opened from an optimized model that was kept.</param>
internal sealed record OpenedModel(OnnxSession Session, ProviderSelection Providers, bool FromCache);
