using System.Security.Claims;

namespace MlServe;

/// <summary>
/// The caller: made once for a user, a session or a web request, and given by <see cref="PredictionOptions.Caller"/> or the host's
/// <see cref="ICallerAccessor"/>. Immutable, and safe to keep for longer than the request.
/// </summary>
/// <remarks>
/// Layers pass it on untouched, also if one request is answered by the run of another: each keeps its own. MlServe never logs it, and puts
/// nothing of it into metrics; activities get <see cref="Tenant"/> as <see cref="MlServeDiagnostics.TenantTag"/>. <see cref="Principal"/>
/// and <see cref="Attributes"/> are compared as objects.
/// </remarks>
public sealed record Caller
{
    /// <summary>The most characters that a <see cref="Tenant"/> has.</summary>
    public const int MaxTenantLength = 128;

    /// <summary>
    /// On whose account the request runs: one of a bounded number, at most 128 characters without control characters, since it may become a
    /// tag. Default: empty, nobody's in particular.
    /// </summary>
    /// <exception cref="ArgumentException">It is longer, or has a control character.</exception>
    public string Tenant
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Length > MaxTenantLength)
                throw new ArgumentException($"The tenant has {value.Length} characters; it may have {MaxTenantLength}. Use its id.",
                    nameof(Tenant));
            if (value.Any(char.IsControl))
                throw new ArgumentException("The tenant has a control character. Use its id.", nameof(Tenant));
            field = value;
        }
    } = "";

    /// <summary>The user or service that asks. Default: null, not known. Never a tag, never logged.</summary>
    public string? Subject { get; init; }

    /// <summary>
    /// The key that decides into which part of an experiment the request falls, so that it stays there. Default: null; then
    /// <see cref="Subject"/> decides.
    /// </summary>
    public string? ExperimentKey { get; init; }

    /// <summary>The identity that was verified. Default: null, none was. It is kept as it is given: do not change it afterwards.</summary>
    public ClaimsPrincipal? Principal { get; init; }

    /// <summary>
    /// Other facts that layers should know: a plan, a region, a model's feature. Copied when it is set. Default: null, nothing.
    /// </summary>
    public IReadOnlyDictionary<string, string>? Attributes
    {
        get;
        init => field = value is null ? null : new Dictionary<string, string>(value, StringComparer.Ordinal).AsReadOnly();
    }

    /// <summary>The tenant, and nothing that tells who a person is.</summary>
    public override string ToString() => $"Caller {{ Tenant = {Tenant} }}";
}
