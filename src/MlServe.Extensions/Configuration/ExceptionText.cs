namespace MlServe.Configuration;

/// <summary>The text of an exception of anybody's: also if asking for it throws.</summary>
internal static class ExceptionText
{
    public static string Of(Exception exception)
    {
        try
        {
            return exception.Message ?? exception.GetType().Name;
        }
#pragma warning disable CA1031 // It is said beside what matters, and must not take its place.
        catch
#pragma warning restore CA1031
        {
            return $"{exception.GetType().Name}, which throws when it is asked for its message";
        }
    }
}
