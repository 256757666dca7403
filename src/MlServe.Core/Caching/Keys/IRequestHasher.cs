namespace MlServe.Caching;

/// <summary>Makes the key of a request; the seam at which tests make keys collide.</summary>
internal interface IRequestHasher
{
    /// <summary>False if the request does not fit the model, so that it cannot be told which answer it asks for.</summary>
    bool TryHash(in PredictionInputs inputs, OutputSelection outputs, out RequestKey key);
}
