using Microsoft.Extensions.Options;

namespace MlServe.Configuration;

/// <summary>
/// Lays the configuration over what code has set. Values that cannot be read are left to the validation, which names them.
/// </summary>
internal sealed class BindMlServingOptions(ModelCatalog catalog) : IPostConfigureOptions<MlServingOptions>
{
    public void PostConfigure(string? name, MlServingOptions options)
    {
        foreach (var section in catalog.Sections)
            SectionBinder.Bind(section, options);
    }
}
