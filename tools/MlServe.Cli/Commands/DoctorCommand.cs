using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using MlServe.Cli.Output;
using MlServe.Quantization;

namespace MlServe.Cli.Commands;

/// <summary><c>mlserve doctor</c>.</summary>
internal static class DoctorCommand
{
    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter() },
    };

    public static Command Create()
    {
        var json = CommonOptions.Json();
        var command = new Command(
            "doctor",
            "Describes the machine that models run and are measured on: processor, ONNX Runtime, and the most that one core can compute.")
        {
            json,
        };
        command.SetAction(async (parsed, _) =>
        {
            var machine = MachineDescription.OfThisMachine();
            if (parsed.GetValue(json)) await Console.Out.WriteLineAsync(JsonSerializer.Serialize(machine, JsonOptions));
            else Print(machine);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Print(MachineDescription machine)
    {
        static void Row(string label, string text) => LabelledLines.Write(Console.Out, label, text);
        static string Peak(double? peak, string unit) =>
            peak is { } known
                ? string.Create(CultureInfo.InvariantCulture, $"{known:F0} {unit}")
                : "not known: it has no such instructions";

        Row("processor", $"{machine.Processor}, {machine.Cores} cores");
        Row("integers", machine.Target switch
        {
            CpuTarget.X86Vnni => "has VNNI: sums of products of 8-bit integers in one instruction (target x86-vnni)",
            CpuTarget.X86 => "no VNNI: weights of 7 bits, and a smaller gain (target x86)",
            _ => $"target {machine.Target}",
        });
        Row("peak", $"{Peak(machine.IntegerPeak, "GOP/s of 8-bit integers")}, of one core");
        Row("", $"{Peak(machine.FloatPeak, "GFLOP/s of FP32")}, of one core");
        Row("runtime", $"ONNX Runtime {machine.RuntimeVersion}");
        Row("system", machine.OperatingSystem);
        Row("clock", MachineDescription.IsThreadTimeMeasured
            ? "speed is measured by the time of the thread, so that a busy machine matters little"
            : "speed is measured on the wall: keep the machine idle meanwhile");
    }
}
