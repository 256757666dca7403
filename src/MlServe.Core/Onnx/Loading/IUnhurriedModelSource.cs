namespace MlServe.Onnx;

/// <summary>
/// A source that makes the model, which takes as long as it takes. It bounds its own work, and the source that it reads from is timed on
/// its own.
/// </summary>
internal interface IUnhurriedModelSource : IModelSource;
