using System.CommandLine;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using MlServe;
using MlServe.Cli;
using MlServe.Cli.Commands;
using MlServe.Quantization;

using var cancellation = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);

var root = new RootCommand(
    "Looks into ONNX models, checks them within bounds on memory and time, and makes them smaller and faster, measured against the "
    + "model that they were made of.")
{
    InspectCommand.Create(),
    CheckCommand.Create(),
    QuantizeCommand.Create(),
    AnalyzeCommand.Create(),
    PreprocessCommand.Create(),
    DoctorCommand.Create(),
};
var parsed = root.Parse(args);
var hasErrors = parsed.Action is ParseErrorAction;
if (parsed.Action is ParseErrorAction errors) errors.ShowHelp = false;
try
{
    var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
    if (hasErrors) configuration.Output = Console.Error;
    var code = await parsed.InvokeAsync(configuration, cancellation.Token);
    return hasErrors ? ExitCodes.BadInput : code;
}
catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
{
    Console.Error.WriteLine("Cancelled. No model was written.");
    return ExitCodes.Cancelled;
}
catch (QuantizationException exception)
{
    Console.Error.WriteLine(exception.Message);
    return exception.Failure switch
    {
        QuantizationFailure.AlreadyQuantized or QuantizationFailure.NothingToQuantize or QuantizationFailure.UnsupportedOpset
            or QuantizationFailure.NotFinite
            or QuantizationFailure.GateFailed or QuantizationFailure.AnswersChanged or QuantizationFailure.NotComparable =>
            ExitCodes.Refused,
        _ => ExitCodes.BadInput,
    };
}
catch (Exception exception) when (exception is CliException or MlServeException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(exception.Message);
    return ExitCodes.BadInput;
}

// The first signal ends the work; whoever cannot wait sends a second, which ends the process.
void Cancel(PosixSignalContext context)
{
    if (cancellation.IsCancellationRequested) return;
    context.Cancel = true;
    cancellation.Cancel();
}
