namespace MlServe.Attack;

internal enum AttackVerdict
{
    Held,
    DidNotHold,
    CouldNotBeMade,
}
