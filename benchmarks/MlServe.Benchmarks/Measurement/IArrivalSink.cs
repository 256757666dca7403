namespace MlServe.Benchmarks.Measurement;

/// <summary>Takes the requests that are due.</summary>
internal interface IArrivalSink
{
    /// <summary>Sends one.</summary>
    /// <param name="arrival">What is due.</param>
    /// <param name="start">The time stamp from which <see cref="Arrival.Due"/> counts.</param>
    /// <param name="lag">How late it is, in nanoseconds.</param>
    /// <returns>Whether to go on.</returns>
    bool Send(in Arrival arrival, long start, long lag);
}
