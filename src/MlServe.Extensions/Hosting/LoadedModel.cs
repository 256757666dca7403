namespace MlServe.Hosting;

/// <summary>A model that has been loaded, together with what code adds around it.</summary>
/// <param name="Pipeline">The model and its layers; disposing it closes the model.</param>
/// <param name="Signature">What goes in and what comes out.</param>
/// <param name="ServiceLevel">What the model promises.</param>
/// <param name="Snapshot">What configuration said of it at the load.</param>
internal sealed record LoadedModel(IPredictor Pipeline, ModelSignature Signature, ServiceLevel ServiceLevel, string Snapshot);
