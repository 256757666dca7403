using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace MlServe.Configuration;

/// <summary>
/// Finds registered classes that need a model or a door that is not there. A model that is not there is null if
/// it is optional. The container does not tell the difference, and a class that needs it would fail at its first request.
/// </summary>
internal sealed class DependencyCheck(Registrations registrations, ModelCatalog catalog)
{
    public IEnumerable<string> Problems() => registrations.Services is not { } services
        ? []
        : services.SelectMany(service => ProblemsOf(service.IsKeyedService ? service.KeyedImplementationType : service.ImplementationType));

    private IEnumerable<string> ProblemsOf(
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] Type? type)
    {
        // Of several constructors the container takes the one that it can.
        if (type is null || type.IsGenericTypeDefinition || type.GetConstructors() is not [var constructor]) yield break;
        foreach (var parameter in constructor.GetParameters())
        {
            if (ProblemOf(parameter) is { } problem && !IsOptional(parameter))
                yield return $"{TypeText.Of(type)} cannot be made: its parameter '{parameter.Name}' needs {problem}";
        }
    }

    private string? ProblemOf(ParameterInfo parameter)
    {
        var service = parameter.ParameterType;
        var key = parameter.GetCustomAttribute<FromKeyedServicesAttribute>()?.Key as string;
        if (service == typeof(IPredictor) && key is null && registrations.IsDefaultOwn && parameter.CustomAttributes.All(IsNoKey))
            return catalog.Names.Count == 0 ? $"{TypeText.Of(service)}. {catalog.Known(catalog.Names)}" : null;
        if (key is null) return null;
        if (service == typeof(IPredictor) || service == typeof(IModelVersions))
        {
            return catalog.Names.Contains(key, ModelName.Comparer)
                ? null
                : $"the {TypeText.Of(service)} '{key}'. {catalog.NoSuchModel(key, catalog.Names)}";
        }

        return IsDoor(service) && !catalog.ModelsWithDoor(service).Contains(key, StringComparer.Ordinal)
            ? $"the {TypeText.Of(service)} '{key}'. {catalog.NoSuchDoor(service, key)}"
            : null;
    }

    private static bool IsDoor(Type service) => service.IsGenericType && service.GetGenericTypeDefinition() == typeof(IPredictor<,>);

    private static bool IsNoKey(CustomAttributeData attribute) =>
        attribute.AttributeType != typeof(FromKeyedServicesAttribute) && attribute.AttributeType != typeof(ServiceKeyAttribute);

    private static bool IsOptional(ParameterInfo parameter)
    {
        if (parameter.HasDefaultValue) return true;
        try
        {
            return new NullabilityInfoContext().Create(parameter).WriteState == NullabilityState.Nullable;
        }
        catch (InvalidOperationException)
        {
            // Trimming has taken the annotations away: nobody knows, and nobody is refused.
            return true;
        }
    }
}
