namespace MlServe.Onnx.Rows;

/// <summary>Why a value's rows may not be taken for independent.</summary>
/// <param name="Node">The operator and the node's name.</param>
/// <param name="Reason">A clause that begins with them.</param>
/// <param name="IsCertain">True: rows do depend on their company. False: it is not known.</param>
internal sealed record Cause(string? Node, string Reason, bool IsCertain)
{
    /// <summary>The cause of two that decides: the certain one, or the first.</summary>
    public static Cause Of(Cause first, Cause second) => !first.IsCertain && second.IsCertain ? second : first;
}
