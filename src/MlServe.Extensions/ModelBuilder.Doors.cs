using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using MlServe.Hosting;

namespace MlServe;

/// <content>How the application is given the model.</content>
public sealed partial class ModelBuilder
{
    /// <summary>Makes this the model behind an <see cref="IPredictor"/> that is injected without a name.</summary>
    /// <returns>This builder.</returns>
    public ModelBuilder AsDefault() => Configure(static options => options.IsDefault = true);

    /// <summary>
    /// Opens a typed door to the model: <see cref="IPredictor{TInput, TOutput}"/> is injected by the model's name. It is injected without a
    /// name if this is the only model with such a door, or the default.
    /// </summary>
    /// <typeparam name="TInput">The application's question.</typeparam>
    /// <typeparam name="TOutput">The application's answer.</typeparam>
    /// <param name="mapper">Translates both ways; not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder As<TInput, TOutput>(IPredictionMapper<TInput, TOutput> mapper)
    {
        ArgumentNullException.ThrowIfNull(mapper);
        return As(_ => mapper);
    }

    /// <inheritdoc cref="As{TInput, TOutput}(IPredictionMapper{TInput, TOutput})" path="/*[not(self::param)]" />
    /// <param name="encode">See <see cref="IPredictionMapper{TInput, TOutput}.Encode"/>.</param>
    /// <param name="decode">See <see cref="IPredictionMapper{TInput, TOutput}.Decode"/>.</param>
    public ModelBuilder As<TInput, TOutput>(Action<TInput, PredictionInputWriter> encode, Func<Prediction, TOutput> decode) =>
        As(PredictionMapper.Create(encode, decode));

    /// <summary>Opens a typed door to the model, as the other overloads do, by a mapper that the container makes.</summary>
    /// <typeparam name="TInput">The application's question.</typeparam>
    /// <typeparam name="TOutput">The application's answer.</typeparam>
    /// <typeparam name="TMapper">The mapper, which may need services; added as a singleton unless it is registered.</typeparam>
    /// <returns>This builder.</returns>
    public ModelBuilder As<TInput, TOutput, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TMapper>()
        where TMapper : class, IPredictionMapper<TInput, TOutput>
    {
        Services.TryAddSingleton<TMapper>();
        return As<TInput, TOutput>(static services => services.GetRequiredService<TMapper>());
    }

    private ModelBuilder As<TInput, TOutput>(Func<IServiceProvider, IPredictionMapper<TInput, TOutput>> mapperOf)
    {
        var name = Name;
        _registrations.Doors.Add((typeof(IPredictor<TInput, TOutput>), name));
        Services.AddKeyedSingleton<IPredictor<TInput, TOutput>>(
            name,
            (services, _) =>
                new ModelDoor<TInput, TOutput>(services.GetRequiredService<PredictorProvider>().GetPredictor(name), mapperOf(services)));
        Services.TryAddSingleton(static services => services.GetRequiredKeyedService<IPredictor<TInput, TOutput>>(
            services.GetRequiredService<PredictorProvider>()
                .ModelOfDoor(typeof(IPredictor<TInput, TOutput>))));
        return this;
    }
}
