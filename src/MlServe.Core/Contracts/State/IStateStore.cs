namespace MlServe;

/// <summary>
/// Small pieces of state that outlive the process: the decisions of a rollout, say, or values that a monitor has learned. A host has one if
/// it names a folder for it; see <see cref="Storage.FileStateStore"/>. Safe for concurrent use.
/// </summary>
public interface IStateStore
{
    /// <summary>Reads the value that was written last under a key.</summary>
    /// <param name="key">The key: 1 to 128 ASCII letters, digits, '-', '_' and '.'; case counts.</param>
    /// <param name="cancellationToken">Gives the reading up.</param>
    /// <returns>The value; null: there is none.</returns>
    /// <exception cref="ArgumentException">The key has other characters or another length.</exception>
    /// <exception cref="IOException">There is something that is not taken: it is torn, somebody else wrote it, or it cannot be read. Never
    /// a wrong value.</exception>
    ValueTask<ReadOnlyMemory<byte>?> ReadAsync(string key, CancellationToken cancellationToken = default);

    /// <summary>
    /// Writes a value under a key, in place of an earlier one. Readers get the old value or the new one, also if the process ends
    /// meanwhile.
    /// </summary>
    /// <param name="key">The key, as for <see cref="ReadAsync"/>.</param>
    /// <param name="value">The value; borrowed until the task completes. Of values written at once, one is kept.</param>
    /// <param name="cancellationToken">Gives the writing up; the old value stays.</param>
    /// <exception cref="ArgumentException">The key is not valid, or the value is too large.</exception>
    /// <exception cref="IOException">The store takes no more.</exception>
    ValueTask WriteAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default);

    /// <summary>Removes the value under a key, if there is one.</summary>
    /// <param name="key">The key, as for <see cref="ReadAsync"/>.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="ArgumentException">The key is not valid.</exception>
    ValueTask DeleteAsync(string key, CancellationToken cancellationToken = default);
}
