namespace MlServe.AotTest;

/// <summary>Counts what is as it should be, and says what is not.</summary>
internal sealed class Checks
{
    public int Passed { get; private set; }

    public int Failed { get; private set; }

    public void That(bool condition, string what)
    {
        if (condition)
        {
            Passed++;
            return;
        }

        Failed++;
        Console.WriteLine($"aot: not so: {what}");
    }
}
