using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>
/// Brings a node to the form that an operator has from one version of the operator set on, and adds it, with what belongs to it, to the
/// scope.
/// </summary>
internal delegate void Upgrade(NodeProto node, UpgradeScope scope);
