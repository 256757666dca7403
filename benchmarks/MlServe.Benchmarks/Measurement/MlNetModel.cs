using Microsoft.Extensions.ObjectPool;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Onnx;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// An ONNX file in ML.NET, with a pool of prediction engines of the kind and size that its <c>PredictionEnginePool</c> makes.
/// </summary>
internal sealed class MlNetModel : IDisposable
{
    private readonly MLContext _context = new(seed: 1);
    private readonly OnnxTransformer _transformer;
    private readonly SchemaDefinition _rowSchema = SchemaDefinition.Create(typeof(MlNetRow));
    private readonly string _output;

    /// <param name="path">The ONNX file.</param>
    /// <param name="shape">Its one input and output.</param>
    /// <param name="session">What the session is given.</param>
    public MlNetModel(string path, OfflineLimit.Shape shape, MlNetSession session)
    {
        Session = session;
        _output = shape.Output;
        Describe(_rowSchema[0], shape.Input, shape.InputLength);
        var answerSchema = SchemaDefinition.Create(typeof(MlNetAnswer));
        Describe(answerSchema[0], shape.Output, shape.OutputLength);
        var options = new OnnxOptions
        {
            ModelFile = path,
            InputColumns = [shape.Input],
            OutputColumns = [shape.Output],
            ShapeDictionary = new Dictionary<string, int[]>
            {
                [shape.Input] = [1, .. shape.Row.Select(static size => (int)size)],
                [shape.Output] = [1, shape.OutputLength],
            },
            IntraOpNumThreads = session.IntraOpThreads,
            InterOpNumThreads = 1,
        };
        if (!session.Spins) _context.SetOnnxSessionOption(new OnnxSessionOptions { CreateSessionOptions = session.Create });

        _transformer = _context.Transforms.ApplyOnnxModel(options).Fit(View([]));

        // A pool that disposed the engines it has no room for would close the session under all others: each engine owns the transformer.
        Pool = new DefaultObjectPool<PredictionEngine<MlNetRow, MlNetAnswer>>(new EnginePolicy(
            () => _context.Model.CreatePredictionEngine<MlNetRow, MlNetAnswer>(_transformer, true, _rowSchema, answerSchema)));
    }

    public MlNetSession Session { get; }

    public ObjectPool<PredictionEngine<MlNetRow, MlNetAnswer>> Pool { get; }

    /// <summary>Predicts rows one by one with an engine from the pool each, into the same answer.</summary>
    public void Predict(int calls, MlNetRow row, MlNetAnswer answer)
    {
        for (var i = 0; i < calls; i++)
        {
            var engine = Pool.Get();
            engine.Predict(row, ref answer);
            Pool.Return(engine);
        }
    }

    /// <summary>Predicts rows as one data view, and reads every answer.</summary>
    public void Transform(IDataView rows, float[] answer)
    {
        var answers = _transformer.Transform(rows);
        var column = answers.Schema[_output];
        using var cursor = answers.GetRowCursor([column]);
        var read = cursor.GetGetter<VBuffer<float>>(column);
        var value = default(VBuffer<float>);
        while (cursor.MoveNext())
        {
            read(ref value);
            value.GetValues().CopyTo(answer);
        }
    }

    public IDataView View(IEnumerable<MlNetRow> rows) => _context.Data.LoadFromEnumerable(rows, _rowSchema);

    public void Dispose() => _transformer.Dispose();

    private static void Describe(SchemaDefinition.Column column, string name, int length) =>
        (column.ColumnName, column.ColumnType) = (name, new VectorDataViewType(NumberDataViewType.Single, length));

    private sealed class EnginePolicy(Func<PredictionEngine<MlNetRow, MlNetAnswer>> create)
        : PooledObjectPolicy<PredictionEngine<MlNetRow, MlNetAnswer>>
    {
        public override PredictionEngine<MlNetRow, MlNetAnswer> Create() => create();

        public override bool Return(PredictionEngine<MlNetRow, MlNetAnswer> obj) => true;
    }
}
