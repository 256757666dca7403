namespace MlServe.Samples.MinimalApi;

/// <summary>The instructions of the sample's Dockerfile, stage by stage.</summary>
internal sealed class Dockerfile
{
    private Dockerfile(List<List<Instruction>> stages) => Stages = stages;

    public IReadOnlyList<IReadOnlyList<Instruction>> Stages { get; }

    public IReadOnlyList<Instruction> Build => Stages[0];

    public IReadOnlyList<Instruction> Final => Stages[^1];

    public static Dockerfile Read()
    {
        var stages = new List<List<Instruction>>();
        var lines = Repository.Read("samples", "MinimalApi", "Dockerfile")
            .Split('\n')
            .Where(static line => !line.StartsWith('#') && line.Trim().Length > 0);
        foreach (var line in string.Join('\n', lines).Replace("\\\n", " ", StringComparison.Ordinal).Split('\n'))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] == "FROM") stages.Add([]);
            stages[^1].Add(new(words[0], words[1..]));
        }

        return new(stages);
    }

    internal sealed record Instruction(string Name, string[] Arguments)
    {
        public string Text => string.Join(' ', Arguments);
    }
}
