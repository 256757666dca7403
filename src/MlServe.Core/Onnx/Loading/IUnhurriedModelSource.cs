using System.Diagnostics.CodeAnalysis;

namespace MlServe.Onnx;

/// <summary>
/// A mark of a source that makes the model, which takes as long as it takes. <see cref="OnnxModelOptions.LoadTimeout"/> does not bound it.
/// It bounds its own work, and the source that it reads from is timed on its own: see <see cref="ModelSource.AsLoaded"/>.
/// </summary>
[Experimental("MLSERVE001")]
public interface IUnhurriedModelSource : IModelSource;
