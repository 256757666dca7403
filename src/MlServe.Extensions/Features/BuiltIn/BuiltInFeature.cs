using System.Diagnostics.CodeAnalysis;

namespace MlServe.Features;

/// <summary>A feature whose options and switch are properties of <see cref="ModelOptions"/>.</summary>
internal abstract class BuiltInFeature<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] TOptions>
    : ModelFeature<TOptions>
    where TOptions : class, new()
{
    internal sealed override bool IsBuiltIn => true;
}
