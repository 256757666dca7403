namespace MlServe.Onnx.Inspection;

internal enum GraphPlace
{
    Main,
    Subgraph,
    Function,
    Training,
}
