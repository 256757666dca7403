namespace MlServe.Onnx;

/// <summary>
/// A source that makes the model, which takes as long as it takes: it bounds its own work, and what it reads from is timed by itself.
/// </summary>
internal interface IUnhurriedModelSource : IModelSource;
