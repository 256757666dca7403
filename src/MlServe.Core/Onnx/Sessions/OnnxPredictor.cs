using MlServe.Onnx.Inspection;
using MlServe.Tensors;
using MlServe.Threading;

namespace MlServe.Onnx;

/// <summary>
/// An ONNX model as a predictor, on the direct path. A request runs at once on its caller's thread if a core is free, and waits in line if
/// none is. Safe for concurrent use.
/// </summary>
/// <remarks>
/// <see cref="PredictionOptions.Timeout"/> is kept in the line and in the run, which is stopped at its next operator;
/// <see cref="PredictionOptions.Priority"/> in the line. Offers by <see cref="GetService"/>: <see cref="ModelIdentity"/>,
/// <see cref="OnnxModelDescription"/>, <see cref="IModelExecutor"/>. The session is closed when the predictor is disposed and the last
/// request has been answered.
/// </remarks>
public sealed class OnnxPredictor : IPredictor, IShieldsCallers, IKeepsDeadlines, ITakesDeadlines
{
    /// <summary>How long work in bulk yields to other requests in line.</summary>
    internal static readonly TimeSpan MaxBulkDelay = TimeSpan.FromSeconds(1);

    private readonly OnnxExecutor _executor;
    private readonly GraphOptimization _optimization;
    private OnnxModelDescription _description;
    private readonly RunGate _gate;
    private readonly GateFlow _flow;
    private readonly TimeProvider _time;
    private readonly int _maxQueued;
    private int _queued;
    private int _disposed;

    private OnnxPredictor(OnnxExecutor executor, OnnxModelDescription description, OnnxModelOptions options, ModelLoadContext context)
    {
        _executor = executor;
        _description = description;
        _optimization = options.Optimization;
        _gate = context.RunGate;
        _flow = new(_gate);
        _time = context.Clock;
        _maxQueued = options.MaxQueuedRequests;
    }

    bool IShieldsCallers.IsShielding => true;

    /// <inheritdoc />
    public ModelSignature Signature => _executor.Signature;

    /// <summary>Loads a model from a file and warms it up. Blocks; a service uses <see cref="LoadAsync"/>.</summary>
    /// <param name="path">The path of an <c>.onnx</c> file.</param>
    /// <param name="options">How it is opened and run; null: the defaults.</param>
    /// <param name="context">The parts of its surroundings; null: the defaults.</param>
    /// <exception cref="ModelLoadException">It cannot be loaded.</exception>
    public static OnnxPredictor Load(string path, OnnxModelOptions? options = null, ModelLoadContext? context = null) =>
        LoadAsync(ModelSource.FromFile(path, options is { MaxModelBytes: >= 1 and var most } ? most : null), options, context)
            .AsTask()
            .GetAwaiter()
            .GetResult();

    /// <summary>Loads a model and warms it up.</summary>
    /// <param name="source">Its origin.</param>
    /// <param name="options">How it is opened and run; null: the defaults. Not to be changed afterwards.</param>
    /// <param name="context">The parts of its surroundings; null: the defaults.</param>
    /// <param name="cancellationToken">Gives the loading up.</param>
    /// <exception cref="ModelLoadException">It cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public static async ValueTask<OnnxPredictor> LoadAsync(
        IModelSource source, OnnxModelOptions? options = null, ModelLoadContext? context = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= new();
        context ??= new();
        var (executor, description) = await new OnnxLoader(source, options, context).LoadAsync(cancellationToken).ConfigureAwait(false);
        return new(executor, description, options, context);
    }

    /// <summary>Reads and inspects a model as a load does, and leaves nothing behind: to know early what a load would refuse.</summary>
    /// <param name="source">The source of the model.</param>
    /// <param name="options">How it would be opened; null: the defaults.</param>
    /// <param name="context">The parts that it gets from its surroundings; null: the defaults.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <returns>The file's statements about the model.</returns>
    /// <exception cref="ModelLoadException">A load would fail so, too.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public static async ValueTask<OnnxModelInfo> InspectAsync(
        IModelSource source, OnnxModelOptions? options = null, ModelLoadContext? context = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        var (content, info) = await new OnnxLoader(
            source, options ?? new(), context ?? new()).ReadAsync(cancellationToken).ConfigureAwait(false);
        content.Held?.Dispose();
        return info;
    }

    /// <inheritdoc />
    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var limit = Deadline.LimitOf(options);
        return Predict(
            in inputs, options, limit is { } time ? _time.After(time) : long.MaxValue, limit <= TimeSpan.Zero, cancellationToken);
    }

    ValueTask<Prediction> ITakesDeadlines.PredictAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken) => deadline.IsNever
        ? PredictAsync(inputs, options, cancellationToken)
        : Predict(in inputs, options, deadline.On(_time), deadline.IsOver, cancellationToken);

    private ValueTask<Prediction> Predict(
        in PredictionInputs inputs, PredictionOptions? options, long deadline, bool isOver, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, typeof(OnnxPredictor));
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);
        if (_executor.Prepare(in inputs, options, out var request) is { } error) return new(Prediction.FromError(error));
        if (OwnedInputs.AreNeeded(in inputs))
            return OwnedInputs.PredictAsync(this, inputs, options, new(_time, deadline), cancellationToken);
        if (isOver) return new(Prediction.FromError(TimedOut(isRun: false)));
        if (!_gate.TryEnter()) return Enqueue(in inputs, in request, options, deadline, cancellationToken);

        RunWatch? watch = null;
        try
        {
            if (deadline != long.MaxValue) watch = RunWatch.Begin(_time, deadline, cancellationToken);
            return new(Run(
                _executor.RentLane(request.Shape, request.Rows), in inputs, in request, null, watch?.Token ?? cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Prediction>(cancellationToken);
        }
        catch (OperationCanceledException) when (watch is { IsExpired: true })
        {
            return new(Prediction.FromError(TimedOut(isRun: true)));
        }
        finally
        {
            watch?.End();
            _gate.Exit();
        }
    }

    /// <inheritdoc />
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ModelIdentity)) return _description.Identity;
        if (serviceType == typeof(OnnxModelDescription)) return Describe();
        if (serviceType == typeof(IModelExecutor)) return _executor;
        if (serviceType == typeof(GateFlow)) return _flow;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>A model that answered no row that was made up, and has answered one of a caller's, works after all.</summary>
    private OnnxModelDescription Describe()
    {
        var description = Volatile.Read(ref _description);
        if (description.WarmUpFailure is null || description.Optimization != _optimization || !_executor.Session.Blame.HasAnswered)
            return description;
        Volatile.Write(ref _description, description = description with { WarmUpFailure = null });
        return description;
    }

    /// <summary>Refuses new requests; those that were accepted are answered, and the last of them closes the session.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _executor.Session.Retire();
    }

    /// <summary>Refuses new requests, and waits until those that were accepted are answered and the session is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        Dispose();
        await _executor.Session.Closed.ConfigureAwait(false);
    }

    /// <summary>Runs a request that waited and whose turn it is. The caller holds a place in the gate and a share of the session.</summary>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="request">The wishes of the call.</param>
    /// <param name="enqueued">Since when it waited.</param>
    /// <param name="started">Until when.</param>
    /// <param name="deadline">When its time is over; <see cref="long.MaxValue"/>: never.</param>
    /// <param name="cancellationToken">Its caller's.</param>
    internal Prediction RunQueued(
        in PredictionInputs inputs, in PreparedRequest request, long enqueued, long started, long deadline,
        CancellationToken cancellationToken)
    {
        var queueTime = _time.GetElapsedTime(enqueued, started);
        if (deadline == long.MaxValue)
            return Run(_executor.RentLaneAgain(request.Shape, request.Rows), in inputs, in request, queueTime, cancellationToken);
        var watch = RunWatch.Begin(_time, deadline, cancellationToken);
        try
        {
            return Run(_executor.RentLaneAgain(request.Shape, request.Rows), in inputs, in request, queueTime, watch.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (OperationCanceledException) when (watch.IsExpired)
        {
            // Most of its time went by while it waited, or the run is to blame.
            return Prediction.FromError(TimedOut(isRun: deadline - started >= started - enqueued));
        }
        finally
        {
            watch.End();
        }
    }

    /// <summary>Called once for each request that waited, when it no longer does.</summary>
    internal void Dequeued() => Interlocked.Decrement(ref _queued);

    private Prediction Run(
        OnnxLane rented, in PredictionInputs inputs, in PreparedRequest request, TimeSpan? queueTime, CancellationToken cancellationToken)
    {
        using var lane = rented;
        try
        {
            lane.Write(in inputs, in request, 0, request.Rows, 0);
        }
        catch (UnreadableInputException exception)
        {
            return Prediction.FromError(OwnedInputs.Unreadable(exception).Of(_description.Identity));
        }

        // Who waited has read the clock already; what it waits from now on, for a thread to go on with, is not the run's.
        var started = queueTime is null ? 0 : _time.GetTimestamp();
        if (lane.Run(request.Rows, request.Outputs, cancellationToken) is { } failure) return Prediction.FromError(failure);
        return lane.Read(in request, 0, new()
        {
            Model = _description.Identity,
            BatchRows = request.Rows,
            QueueTime = queueTime ?? TimeSpan.Zero,
            RunTime = queueTime is null ? TimeSpan.Zero : _time.GetElapsedTime(started),
        });
    }

    private ValueTask<Prediction> Enqueue(
        in PredictionInputs inputs, in PreparedRequest request, PredictionOptions? options, long deadline,
        CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _queued) > _maxQueued)
        {
            Interlocked.Decrement(ref _queued);
            return new(Prediction.FromError(QueueFull()));
        }

        // Who waits holds a share of the session, so that disposing the predictor does not take it away.
        if (!_executor.Session.TryAcquire())
        {
            Interlocked.Decrement(ref _queued);
            throw new ObjectDisposedException(nameof(OnnxPredictor));
        }

        return QueuedRequest.Rent().Start(
            this, _executor.Session, _flow, _time, in inputs, in request, options, deadline, cancellationToken);
    }

    /// <summary>The error for a request whose time is over.</summary>
    /// <param name="isRun">Whether it ran until then, and did not wait.</param>
    internal PredictionError TimedOut(
        bool isRun) => new(PredictionStatus.DeadlineExceeded, isRun ? PredictionErrorCode.RunTimedOut : PredictionErrorCode.TimedOut,
        isRun ? "Model '{0}' ran until the time for an answer was over, and was cut off."
            : "The time for an answer of model '{0}' was over while the request waited for others. Wait longer, or send less.",
            _description.Identity.Name)
        {
            Model = _description.Identity,
        };

    private PredictionError QueueFull() => new(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull,
        "{0} requests already wait for model '{1}' (MaxQueuedRequests). Try again later, or give it more cores.", _maxQueued,
            _description.Identity.Name)
    {
        Model = _description.Identity,
    };
}
