namespace MlServe.ChildProcess.BlockedPool;

/// <summary>One way of a request.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Ask">Asks on a thread of the pool, the given number among them, and blocks it until there is an answer.</param>
/// <param name="Expected">What the answer must be, as <see cref="Answers"/> says it.</param>
/// <param name="Release">Called when all threads ask, to let answers come; null: they come by themselves.</param>
internal sealed record Way(string Name, Func<int, string> Ask, string Expected = Answers.Ok, Action? Release = null);
