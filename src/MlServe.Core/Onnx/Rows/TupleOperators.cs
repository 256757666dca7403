namespace MlServe.Onnx.Rows;

/// <summary>GatherND and ScatterND: each index is a tuple along the last axis, one for each of the first axes of the data.</summary>
internal static class TupleOperators
{
    public static FlowValue Gather(NodeFlow flow)
    {
        var (data, indices) = (flow[0], flow[1]);

        // As a mask reads: one element for each place that was found.
        if (RowRules.FindBroken(flow) is { } broken)
            return data.IsBroken || flow.Node.Int("batch_dims", 0) != 0 ? broken : FlowValue.Broken(broken.Cause!, indices.ShapeCause);
        var hasRows = data.IsRows || indices.IsRows;
        if (data.IsPosition) return flow.Breaks("takes the place of a row in the batch as data");
        if (data.Dims is not { } dims || indices.Dims is not [.. var tuples, { IsKnown: true } width])
            return hasRows ? flow.Unclear("looks up in a value of unknown shape") : FlowValue.Shared(null);
        var batch = flow.Node.Int("batch_dims", 0);
        var addressed = batch + width.Factor;
        if (batch < 0 || batch > tuples.Length || addressed > dims.Length) return flow.Unclear("has more indices than there are axes");
        Size[] result = [.. tuples, .. dims[(int)addressed..]];
        if (!hasRows) return FlowValue.Shared(result);
        if (indices.IsRows && indices.Axis == tuples.Length) return flow.Breaks("makes an index of several rows");
        if (!data.IsRows)
        {
            if (indices.IsPosition) return flow.Breaks("looks up by the place of a row in the batch");
            return indices.Axis >= batch
                ? FlowValue.Rows(result, indices.Axis, indices.Outer)
                : flow.MeetsFixedRows();
        }

        if (!indices.IsRows)
            return data.Axis >= addressed
                ? data.Derive(result, tuples.Length + (int)(data.Axis - addressed))
                : flow.Breaks("takes rows by their place in the batch");
        if (data.Axis < batch && indices.Axis == data.Axis && !indices.IsPosition)
            return data.Outer == indices.Outer
                ? FlowValue.Rows(result, indices.Axis, indices.Outer)
                : flow.MeetsOtherOrder();
        return batch == 0 && FindsItsRow(data, indices, (int)width.Factor)
            ? FlowValue.Rows(result, indices.Axis, indices.Outer)
            : flow.Breaks("looks up in other rows of the batch");
    }

    public static FlowValue Scatter(NodeFlow flow)
    {
        var (data, indices, updates) = (flow[0], flow[1], flow[2]);
        // As a mask writes: by the places of what was found in all rows. The result has the rows of the data, if it does not mix them.
        if (RowRules.FindBroken(flow) is { } broken)
            return !broken.Cause!.IsCertain && data is { IsRows: true, IsPosition: false } ? data.Derive().WithDoubt(broken.Cause) : broken;

        if (data.IsPosition || updates.IsPosition) return flow.Breaks("takes the place of a row in the batch as data");
        if (!data.IsRows && !indices.IsRows && !updates.IsRows) return FlowValue.Shared(data.Dims);
        if (!data.IsRows) return flow.Breaks("writes all rows into one value");
        if (indices.Dims is not [.. var tuples, { IsKnown: true } width] || width.Factor > data.Rank)
            return flow.Unclear("writes into a value of unknown shape");
        if (!updates.IsRows) return flow.MeetsFixedRows();
        if (!indices.IsRows)
        {
            if (data.Axis < width.Factor) return flow.Breaks("writes into rows by their place in the batch");
            if (updates.Axis != tuples.Length + data.Axis - width.Factor) return flow.Breaks("writes into other rows of the batch");
            return updates.Outer == data.Outer ? data.Derive() : flow.MeetsOtherOrder();
        }

        if (indices.Axis == tuples.Length || updates.Axis != indices.Axis || !FindsItsRow(data, indices, (int)width.Factor))
            return flow.Breaks("writes into other rows of the batch");
        return updates.Outer == indices.Outer ? data.Derive() : flow.MeetsOtherOrder();
    }

    /// <summary>
    /// Whether each row's tuples name that row. They do if the index of the axis of the rows counts from the first row on, and the others
    /// do not.
    /// </summary>
    private static bool FindsItsRow(FlowValue data, FlowValue indices, int width)
    {
        if (data.Axis >= width || !data.Outer.Is(1)) return false;
        var strides = indices.Strides ?? (width == 1 && indices.FindsOwnPlaces ? [indices.Stride] : null);
        if (strides is null || strides.Length != width) return false;
        for (var i = 0; i < width; i++)
        {
            if (i == data.Axis ? strides[i] != data.Dims![data.Axis] : strides[i] is not null) return false;
        }

        return true;
    }
}
