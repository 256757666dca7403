namespace MlServe.TestModels;

/// <summary>In a function's body: the attribute of the call that stands here.</summary>
/// <param name="Name">The name by which calls give it.</param>
/// <param name="Type">The number of its type in <c>AttributeProto.AttributeType</c>: 1 for a float, 2 for an integer, 7 for
/// integers.</param>
public sealed record OnnxReference(string Name, int Type);
