namespace MlServe.Caching;

/// <summary>Makes the key of a request; the seam at which tests make keys collide.</summary>
internal interface IRequestHasher
{
    /// <summary>False where it cannot be told what is asked, because the request does not fit the model.</summary>
    bool TryHash(in PredictionInputs inputs, OutputSelection outputs, out RequestKey key);
}
