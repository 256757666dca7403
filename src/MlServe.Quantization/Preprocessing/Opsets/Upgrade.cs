using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>
/// Brings a node to the form that an operator has from one version of the operator set on. It is added to the scope with all that belongs
/// to it.
/// </summary>
internal delegate void Upgrade(NodeProto node, UpgradeScope scope);
