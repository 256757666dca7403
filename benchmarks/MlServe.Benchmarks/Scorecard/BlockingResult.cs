namespace MlServe.Benchmarks.Scorecard;

/// <summary>What a process of many callers says.</summary>
/// <param name="Rate">Answers a second.</param>
/// <param name="LateMs">Milliseconds by which the last of those whose time was over heard of it late.</param>
/// <param name="Heard">How many callers, of all in all rounds, heard that their time was over.</param>
/// <param name="CpuUs">Microseconds of processor that an answer takes, all threads together.</param>
/// <param name="MeanBatch">Rows in a batch.</param>
/// <param name="PoolThreads">Threads of the pool at the end.</param>
internal sealed record BlockingResult(double Rate, double LateMs, int Heard, double CpuUs, double MeanBatch, int PoolThreads);
