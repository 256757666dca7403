using System.Diagnostics;
using System.Globalization;
using MlServe.Attack;
using MlServe.Attack.Guests;
using MlServe.Attack.House;
using MlServe.Attack.Models;
using MlServe.Attack.Mutations;
using MlServe.Attack.Storms;

// MlServe.Attack [name ...] [--short] [--seed N] [--seconds N] [--cases folder] [--case N] [--csv file]: without names,
// all of them. eng/attack.sh is how to call it. Exit code: 0 all promises held, 1 one did not hold, 2 wrong arguments, 3 one could not be
// tried.
IAttack[] attacks = [new ModelsAttack(), new StormAttack(), new GuestAttack(), new MutationAttack(), new HouseAttack()];

// Processes that attacks start of themselves.
switch (args)
{
    case [MutationWorker.Argument, var workerSeed, var workerCases]:
        return await MutationWorker.RunAsync(
            int.Parse(workerSeed, CultureInfo.InvariantCulture), workerCases.Length > 0 ? workerCases : null).ConfigureAwait(false);
    case [MutationHost.Argument, var hostSeed, var hostCases, var tool]:
        return await MutationHost.RunAsync(
            int.Parse(hostSeed, CultureInfo.InvariantCulture), hostCases.Length > 0 ? hostCases : null, tool).ConfigureAwait(false);
    case [MutationDump.Argument, var dumpSeed, var number, var file]:
        MutationDump.Write(int.Parse(dumpSeed, CultureInfo.InvariantCulture), int.Parse(number, CultureInfo.InvariantCulture), file);
        return 0;
}

var names = new List<string>();
var options = new AttackOptions(Seed: 1, IsShort: false, TimeSpan.FromSeconds(60), Cases: null);
for (var i = 0; i < args.Length; i++)
{
    var value = i + 1 < args.Length ? args[i + 1] : "";
    switch (args[i])
    {
        case "--short":
            options = options with { IsShort = true, Time = TimeSpan.FromSeconds(5) };
            break;
        case "--seed" when int.TryParse(value, CultureInfo.InvariantCulture, out var seed):
            options = options with { Seed = seed };
            i++;
            break;
        case "--seconds" when int.TryParse(value, CultureInfo.InvariantCulture, out var seconds) && seconds > 0:
            options = options with { Time = TimeSpan.FromSeconds(seconds) };
            i++;
            break;
        case "--case" when int.TryParse(value, CultureInfo.InvariantCulture, out var one) && one >= 0:
            options = options with { Case = one };
            i++;
            break;
        case "--csv" when value.Length > 0:
            options = options with { Csv = value };
            i++;
            break;
        case "--cases" when Directory.Exists(value):
            options = options with { Cases = value };
            i++;
            break;
        case "--cases":
            Console.Error.WriteLine($"There is no folder '{value}': --cases takes a folder of cases.");
            return 2;
        case var name when attacks.Any(attack => attack.Name == name):
            names.Add(name);
            break;
        default:
            Console.Error.WriteLine(
                $"'{args[i]}' is not understood. Attacks: {string.Join(", ", attacks.Select(static attack => attack.Name))}; options: "
                + "--short, --seed N, --seconds N, --cases FOLDER, --case N, --csv FILE.");
            return 2;
    }
}

var (verdicts, cases) = (new List<AttackVerdict>(), 0);
foreach (var attack in attacks.Where(attack => names.Count == 0 || names.Contains(attack.Name)))
{
    Console.WriteLine($"-- {attack.Name}: {attack.Promise}");
    var watch = Stopwatch.StartNew();
    var report = await MakeAsync(attack).ConfigureAwait(false);
    verdicts.Add(report.Verdict);
    cases += report.Cases;
    Console.WriteLine(report.Text);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"-- {attack.Name}: {report.Verdict}, {report.Tries} tries, {watch.Elapsed.TotalSeconds:F0} s"));
}

// Whoever names a folder wants what lies in it tried.
var isWithoutCases = options.Cases is not null && cases == 0;
if (isWithoutCases) Console.WriteLine($"No attack took a case of '{options.Cases}': see what each takes in tests/MlServe.Attack.");
if (verdicts.Contains(AttackVerdict.DidNotHold)) return 1;
return isWithoutCases || verdicts.Count == 0 || verdicts.Contains(AttackVerdict.CouldNotBeMade) ? 3 : 0;

// What an attack throws, for want of a file or a program, must not cost the others.
async Task<AttackReport> MakeAsync(IAttack attack)
{
    try
    {
        return await attack.RunAsync(options, CancellationToken.None).ConfigureAwait(false);
    }
#pragma warning disable CA1031 // Whatever it is, it is told, and no pass.
    catch (Exception exception)
#pragma warning restore CA1031
    {
        return AttackReport.CouldNotBeMade(exception.ToString());
    }
}
