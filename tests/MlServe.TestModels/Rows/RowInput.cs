namespace MlServe.TestModels;

/// <summary>An input of a generated model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Axis">The axis along which rows lie; null for one that holds for all rows.</param>
/// <param name="Make">Makes one row, of 1 along the axis, or the value that holds for all rows.</param>
public sealed record RowInput(string Name, int? Axis, Func<Random, RowTensor> Make);
