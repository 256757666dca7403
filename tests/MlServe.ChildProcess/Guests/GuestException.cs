namespace MlServe.ChildProcess.Guests;

/// <summary>What guests throw. Every other one throws again where somebody asks what it is.</summary>
internal sealed class GuestException(bool isSilent) : Exception("A guest threw.")
{
    public override string Message => isSilent ? throw new InvalidOperationException("Do not ask.") : base.Message;

    public override string ToString() => isSilent ? throw new InvalidOperationException("Do not ask.") : base.ToString();
}
