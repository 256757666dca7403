using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace MlServe.Samples.MinimalApi;

public sealed class PredictionProblemTests
{
    public static TheoryData<PredictionStatus> Statuses =>
        [.. Enum.GetValues<PredictionStatus>().Where(static status => status != PredictionStatus.Ok)];

    [Theory]
    [MemberData(nameof(Statuses))]
    public void ToProblem_EveryStatus_HasItsHttpStatusAndNames(PredictionStatus status)
    {
        var problem = ProblemOf(new(status, PredictionErrorCode.RuntimeFailed, "no"), out _);
        Assert.Equal(status.ToHttpStatusCode(), problem.StatusCode);
        Assert.Equal("RuntimeFailed", problem.ProblemDetails.Extensions["code"]);
        Assert.Equal(status.ToTag(), problem.ProblemDetails.Extensions["errorType"]);
    }

    [Fact]
    public void ToProblem_Overloaded_SaysWhyAndWhenToTryAgain()
    {
        var error = new PredictionError(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull, "{0} wait", 7)
        {
            RetryAfter = TimeSpan.FromSeconds(1.2),
        };
        var problem = ProblemOf(error, out var response);
        Assert.Equal("7 wait", problem.ProblemDetails.Detail);
        Assert.Equal("2", response.Headers.RetryAfter);
    }

    [Fact]
    public void ToProblem_Failed_KeepsTheInsideInside()
    {
        var problem = ProblemOf(new(PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed, "secret"), out var response);
        Assert.Equal("The model failed.", problem.ProblemDetails.Detail);
        Assert.Equal(0, response.Headers.RetryAfter.Count);
    }

    private static ProblemHttpResult ProblemOf(PredictionError error, out HttpResponse response)
    {
        response = new DefaultHttpContext().Response;
        return Assert.IsType<ProblemHttpResult>(Prediction.FromError(error).ToProblem(response));
    }
}
