namespace MlServe;

/// <summary>The origin of a model: a file, a stream, a registry, or another source that it changes on the way.</summary>
public interface IModelSource
{
    /// <summary>Reads the model, whole and once: the returned content is hashed, inspected and opened, and never read again.</summary>
    /// <param name="cancellationToken">Gives the reading up.</param>
    /// <exception cref="ModelLoadException">There is no such model, or it cannot be read.</exception>
    ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default);
}
