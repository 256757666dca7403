using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>The functions that a model brings with it, and whether their nodes mean the same outside of them.</summary>
internal sealed class LocalFunctions
{
    private readonly Dictionary<(string Domain, string Name, string Overload), FunctionProto> _functions = [];
    private readonly Dictionary<string, long> _imports;
    private readonly HashSet<string> _missing = new(StringComparer.Ordinal);

    public LocalFunctions(ModelProto model)
    {
        _imports = Imports(model.OpsetImport);
        foreach (var function in model.Functions)
        {
            if (IsBuiltIn(function.Domain))
                Obstacle ??= $"'{function.Name}' is in the domain '{function.Domain}', and may stand for an operator of the same name";
            else if (!_functions.TryAdd((function.Domain, function.Name, function.Overload), function))
                Obstacle ??= $"'{function.Name}' is defined twice";
        }

        foreach (var function in model.Functions)
            Obstacle ??= Check(function);
    }

    /// <summary>Why they cannot be inlined; null if they can.</summary>
    public string? Obstacle { get; private set; }

    public FunctionProto? Find(NodeProto node) => _functions.GetValueOrDefault((node.Domain, node.OpType, node.Overload));

    /// <summary>
    /// Takes the functions out of a model whose graphs hold their nodes, and their domains; adds the domains that only they imported.
    /// </summary>
    public void Forget(ModelProto model)
    {
        model.Functions.Clear();
        foreach (var domain in _missing.Order(StringComparer.Ordinal))
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = _imports[domain] });
        var own = _functions.Keys.Select(static key => key.Domain).ToHashSet(StringComparer.Ordinal);
        own.ExceptWith(Graphs.Of(model).SelectMany(static graph => graph.Node).Select(static node => node.Domain));
        foreach (var import in model.OpsetImport.Where(import => own.Contains(import.Domain)).ToArray())
            model.OpsetImport.Remove(import);
    }

    private string? Check(FunctionProto function)
    {
        var imports = Imports(function.OpsetImport);
        var nodes = function.Node.Concat(Graphs.Within(function.Node).SelectMany(static graph => graph.Node));
        foreach (var domain in nodes.Where(node => Find(node) is null)
            .Select(static node => Short(node.Domain))
            .Distinct(StringComparer.Ordinal))
        {
            if (!imports.TryGetValue(domain, out var version))
                return $"'{function.Name}' does not say which operator set of '{domain}' it means";
            if (_imports.TryAdd(domain, version)) _missing.Add(domain);
            else if (_imports[domain] != version)
                return $"'{function.Name}' means operator set {version} of '{(domain.Length == 0 ? "ai.onnx" : domain)}', and the model "
                    + $"{_imports[domain]}";
        }

        return null;
    }

    private static Dictionary<string, long> Imports(IEnumerable<OperatorSetIdProto> imports)
    {
        var versions = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var import in imports)
            versions[Short(import.Domain)] = import.Version;
        return versions;
    }

    private static bool IsBuiltIn(string domain) =>
        Short(domain).Length == 0 || domain.StartsWith("ai.onnx", StringComparison.Ordinal)
        || domain.StartsWith(Nodes.Microsoft, StringComparison.Ordinal);

    private static string Short(string domain) => domain == "ai.onnx" ? "" : domain;
}
