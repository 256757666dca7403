namespace MlServe.Attack;

/// <summary>Tries, for a bounded time, to make MlServe break one promise.</summary>
internal interface IAttack
{
    string Name { get; }

    /// <summary>What must hold, in a sentence.</summary>
    string Promise { get; }

    Task<AttackReport> RunAsync(AttackOptions options, CancellationToken cancellationToken);
}
