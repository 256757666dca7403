namespace MlServe.TestModels;

/// <summary>Builds a function that a model defines for itself.</summary>
public sealed class OnnxFunction
{
    private readonly OnnxWriter _message = new();
    private readonly List<(string Domain, long Version)> _opsets;

    /// <summary>Begins a function of an operator set.</summary>
    public OnnxFunction(string domain, string name, string[] inputs, string[] outputs, string[] attributes, long opset = 17)
    {
        _opsets = [("", opset)];
        _message.Text(1, name).Text(10, domain);
        foreach (var input in inputs)
            _message.Text(4, input);
        foreach (var output in outputs)
            _message.Text(5, output);
        foreach (var attribute in attributes)
            _message.Text(6, attribute);
    }

    /// <summary>A domain whose operators or functions its nodes use.</summary>
    public OnnxFunction Opset(string domain, long version)
    {
        _opsets.Add((domain, version));
        return this;
    }

    /// <summary>A node.</summary>
    public OnnxFunction Node(string operation, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes) =>
        NodeIn("", operation, inputs, outputs, attributes);

    /// <summary>A node of another domain, or a call of another function.</summary>
    public OnnxFunction NodeIn(
        string domain, string operation, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes)
    {
        _message.Message(7, OnnxModel.NodeOf(domain, operation, inputs, outputs, attributes));
        return this;
    }

    internal OnnxWriter ToMessage()
    {
        var message = new OnnxWriter().Append(_message);
        foreach (var (domain, version) in _opsets)
            message.Message(9, new OnnxWriter().Text(1, domain).Integer(2, version));
        return message;
    }
}
