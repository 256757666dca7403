namespace MlServe.Onnx;

internal static class LaneExtensions
{
    /// <summary>Writes all rows of a request from a row of the lane on.</summary>
    public static void WriteRow(this ILane lane, PredictionInputs inputs, PreparedRequest request, int row) =>
        lane.Write(in inputs, in request, 0, request.Rows, row);
}
