using System.Reflection;
using MlServe.Features;
using MlServe.Onnx;
using MlServe.Resilience;
using Xunit;

namespace MlServe.Configuration;

public sealed class ConfigurationShapeTests
{
    /// <summary>The features make their options known.</summary>
    static ConfigurationShapeTests() => _ = new FeatureCatalog([]);

    /// <summary>
    /// A class of options that nobody has listed would be refused as a whole; a property of a type that cannot be read, likewise.
    /// </summary>
    [Theory]
    [InlineData(typeof(MlServingOptions))]
    [InlineData(typeof(ModelOptions))]
    public void PropertiesOf_EveryPublicOption_IsKnownOrMeantForCodeAlone(Type type)
    {
        string[] forCode = [nameof(OnnxModelOptions.SampleInputs), nameof(CircuitBreakerOptions.OutputCheck)];

        Assert.Empty(Unreachable(type).Except(forCode, StringComparer.Ordinal));
    }

    private static IEnumerable<string> Unreachable(Type type)
    {
        var known = ConfigurationShape.PropertiesOf(type).ToList();
        var own = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => !known.Contains(property))
            .Select(static p => p.Name);
        return own.Concat(known
            .Select(static property => ConfigurationShape.ElementTypeOf(property.PropertyType) ?? property.PropertyType)
            .Where(ConfigurationShape.IsObject)
            .SelectMany(Unreachable));
    }
}
