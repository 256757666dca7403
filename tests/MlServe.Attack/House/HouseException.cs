namespace MlServe.Attack.House;

/// <summary>What the application's code of a house throws, so that it is told from all else.</summary>
public sealed class HouseException : Exception
{
    public HouseException()
    {
    }

    public HouseException(string message)
        : base(message)
    {
    }

    public HouseException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
