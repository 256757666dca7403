using Microsoft.Extensions.Options;

namespace MlServe.Configuration;

/// <summary>Lays the configuration over what code has set. What cannot be read is left to the validation, which names it.</summary>
internal sealed class BindMlServingOptions(ModelCatalog catalog) : IPostConfigureOptions<MlServingOptions>
{
    public void PostConfigure(string? name, MlServingOptions options)
    {
        foreach (var section in catalog.Sections)
            SectionBinder.Bind(section, options);
    }
}
