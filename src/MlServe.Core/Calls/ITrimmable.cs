namespace MlServe;

/// <summary>Holds memory that it can do without. Safe for concurrent use.</summary>
internal interface ITrimmable
{
    /// <summary>Lets go of all that has not been used lately.</summary>
    void Trim();
}
