using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// The inputs of one request: one row without a batch axis (<c>Row</c>), or several rows with it (<c>Rows</c>). Outputs mirror the form.
/// The memory is borrowed until the prediction's task completes.
/// </summary>
/// <remarks>
/// For a model without a batch axis a row is all that the model takes in one run. Nothing is checked here. Inputs that do not fit the model
/// come back as a <see cref="Prediction"/> with the status <see cref="PredictionStatus.Invalid"/>.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public readonly partial struct PredictionInputs
{
    private const int RowForm = -1;
    private const int RowsByShape = -2;

    private readonly PredictionInput _single;
    private readonly PredictionInput[]? _many;
    private readonly int _formOrRowsPlusTwo;

    private PredictionInputs(PredictionInput single, PredictionInput[]? many, int formOrRows)
    {
        _single = single;
        _many = many;
        // Shifted so that default(PredictionInputs) reads as rows without any inputs, which every model with inputs refuses.
        _formOrRowsPlusTwo = formOrRows + 2;
    }

    /// <summary>The number of named values.</summary>
    public int Count => _many?.Length ?? (_single.Elements.Type == ElementType.None ? 0 : 1);

    /// <summary>Whether this is one row without a batch axis.</summary>
    public bool IsRow => FormOrRows == RowForm;

    /// <summary>The number of rows if it was stated; 1 for a row; null if the shapes of the tensors tell it.</summary>
    public int? RowCount => FormOrRows switch
    {
        RowForm => 1,
        RowsByShape => null,
        var rows => rows,
    };

    private int FormOrRows => _formOrRowsPlusTwo - 2;

    /// <summary>Gives one row to the model's only input.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="values">The elements in row-major order; their shape follows from the model.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public static PredictionInputs Row<T>(T[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new(PredictionInput.Unnamed(BorrowedTensor.From(values, null)), null, RowForm);
    }

    /// <inheritdoc cref="Row{T}(T[])" />
    public static PredictionInputs Row<T>(ReadOnlyMemory<T> values) =>
        new(PredictionInput.Unnamed(BorrowedTensor.From(values, null)), null, RowForm);

    /// <summary>Gives one row to the model's only input.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="values">The row, shaped as the model has it but for the batch axis.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public static PredictionInputs Row<T>(Tensor<T> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new(PredictionInput.Unnamed(BorrowedTensor.From(values)), null, RowForm);
    }

    /// <summary>Gives one row by name. Shapes leave out the batch axis.</summary>
    /// <param name="inputs">A value for each input that the model needs, in any order.</param>
    // Else an array of inputs would be taken for a tensor whose elements they are.
    [OverloadResolutionPriority(1)]
    public static PredictionInputs Row(params ReadOnlySpan<PredictionInput> inputs) => new(default, inputs.ToArray(), RowForm);

    /// <summary>Gives several rows to the model's only input.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="values">The elements of all rows, as the model has them: row-major, with the batch axis at the model's place.</param>
    /// <param name="rowCount">The number of rows, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rowCount"/> is negative.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public static PredictionInputs Rows<T>(T[] values, int rowCount)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        return new(PredictionInput.Unnamed(BorrowedTensor.From(values, null)), null, rowCount);
    }

    /// <inheritdoc cref="Rows{T}(T[], int)" />
    public static PredictionInputs Rows<T>(ReadOnlyMemory<T> values, int rowCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        return new(PredictionInput.Unnamed(BorrowedTensor.From(values, null)), null, rowCount);
    }

    /// <summary>Gives rows to the model's only input, the batch axis among the axes; the number of rows is its size.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="values">The tensor, shaped as the model has it.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public static PredictionInputs Rows<T>(Tensor<T> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new(PredictionInput.Unnamed(BorrowedTensor.From(values)), null, RowsByShape);
    }

    /// <summary>
    /// Gives rows by name, with the batch axis among the axes of each shape. The number of rows is its size, and 1 for a model without one.
    /// With shapes given in full this is the form that fits every model.
    /// </summary>
    /// <param name="inputs">A value for each input that the model needs, in any order.</param>
    public static PredictionInputs Rows(params ReadOnlySpan<PredictionInput> inputs) => new(default, inputs.ToArray(), RowsByShape);

    /// <summary>Gives a stated number of rows by name, so that flat lists need no shape.</summary>
    /// <param name="rowCount">The number of rows, 0 or more.</param>
    /// <param name="inputs">A value for each input that the model needs, in any order.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rowCount"/> is negative.</exception>
    public static PredictionInputs Rows(int rowCount, params ReadOnlySpan<PredictionInput> inputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        return new(default, inputs.ToArray(), rowCount);
    }

    /// <summary>One of the named values.</summary>
    internal static ref readonly PredictionInput ItemOf(ref readonly PredictionInputs inputs, int index)
    {
        if (inputs._many is { } many) return ref many[index];
        return ref inputs._single;
    }

    /// <summary>Other values in the same form.</summary>
    internal PredictionInputs With(PredictionInput[] inputs) => new(default, inputs, FormOrRows);

    internal static PredictionInputs RowOf(PredictionInput[] inputs) => new(default, inputs, RowForm);
}
