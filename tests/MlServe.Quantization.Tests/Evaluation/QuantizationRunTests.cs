using Microsoft.ML.OnnxRuntime;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class QuantizationRunTests
{
    // Speed is not for a test to tell; how it is judged is another's.
    private static readonly QuantizationGate Answers = new() { MinSpeedup = 0, MinSpeed = 0 };

    private static readonly QuantizationOptions Options = new QuantizationOptions
    {
        MinMultiplications = 0,
        Gate = Answers with { MinAgreement = null },
    }.CalibrateWith(Culprit.Samples());

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task QuantizeAsync_OneNodeDoesHarm_IsFoundAndLeftOut()
    {
        using var folder = new TemporaryFolder();
        var source = folder.Write("m.onnx", Culprit.Model());
        var report = await OnnxQuantizer.QuantizeAsync(source, folder["q.onnx"], Options, Token);

        Assert.True(report.Passed, report.ToString());
        Assert.Null(report.FallbackReason);
        Assert.Equal(QuantizationMethod.Static, report.Method);
        Assert.Equal([Culprit.Node], report.Plan.ExcludedNodes);
        Assert.Equal(Culprit.Node, report.Sensitivity!.Nodes[0].Node);
        Assert.InRange(report.Sensitivity.Nodes[0].SnrDb, double.NegativeInfinity, 10);
        Assert.All(report.Sensitivity.Nodes.Skip(1), static node => Assert.InRange(node.SnrDb, 20, double.PositiveInfinity));
        // All nodes, all with smoothed inputs, then without the one.
        Assert.Equal(
            [false, false, true],
            report.SearchSteps.Where(static step => step.Method == QuantizationMethod.Static).Select(static step => step.Passed));
        Assert.Equal([Culprit.Node], report.SearchSteps[^1].ExcludedNodes);
        Assert.Contains("\"excludedNodes\"", report.ToJson(), StringComparison.Ordinal);
        Assert.All(report.ToString().Split(Environment.NewLine), static line => Assert.InRange(line.Length, 1, 120));

        var again = await OnnxQuantizer.QuantizeAsync(
            source, folder["again.onnx"], Options with { Plan = QuantizationPlan.FromJson(report.Plan.ToJson()) }, Token);
        Assert.True(again.Passed);
        Assert.True(File.ReadAllBytes(folder["q.onnx"]).AsSpan().SequenceEqual(File.ReadAllBytes(folder["again.onnx"])));
    }

    [Fact]
    public async Task AnalyzeAsync_OneNodeDoesHarm_ComesFirst()
    {
        using var folder = new TemporaryFolder();
        var report = await OnnxQuantizer.AnalyzeAsync(folder.Write("m.onnx", Culprit.Model()), Options, Token);
        Assert.Equal(Culprit.Node, report.Nodes[0].Node);
        Assert.Equal(3, report.Nodes.Count);
        Assert.Equal(8, report.Samples);
        Assert.Contains(Culprit.Node, report.ToString(), StringComparison.Ordinal);
        Assert.Contains("\"snrDb\"", report.ToJson(), StringComparison.Ordinal);
        Assert.Equal(["m.onnx"], folder.Files);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task QuantizeAsync_NameThatIsNotThere_IsRefusedBeforeSamplesAreRead(bool isOutput)
    {
        static IEnumerable<PredictionInputs> Unread()
        {
            Assert.Fail("Samples were read.");
            yield break;
        }

        using var folder = new TemporaryFolder();
        var options = isOutput
            ? Options with
            {
                Gate = Options.Gate with { Metrics = new Dictionary<string, OutputMetric> { ["nowhere"] = OutputMetric.Classes } },
            }
            : Options with { ExcludeNodes = ["nowhere"] };
        var exception = await Fails(folder, options.CalibrateWith(Unread()));
        Assert.Equal(QuantizationFailure.InvalidOptions, exception.Failure);
        Assert.Contains("'nowhere'", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GateFailureAction.Int8Storage)]
    [InlineData(GateFailureAction.ExcludeNodes)]
    public async Task QuantizeAsync_NoSubsetPasses_StoresWeightsOrKeepsTheSource(GateFailureAction action)
    {
        using var folder = new TemporaryFolder();
        var options = Options with
        {
            OnGateFailure = action,
            Gate = Options.Gate with { MinSnrDb = action == GateFailureAction.Int8Storage ? 20 : 1000 },
        };
        var report = await OnnxQuantizer.QuantizeAsync(folder.Write("m.onnx", Culprit.Model()), folder["q.onnx"], options, Token);
        Assert.Equal(action == GateFailureAction.Int8Storage ? QuantizationMethod.Int8Storage : QuantizationMethod.None, report.Method);
        Assert.True(report.Passed);
        Assert.Contains("of signal over noise", report.FallbackReason, StringComparison.Ordinal);
        using var session = new InferenceSession(folder["q.onnx"]);
        Assert.Equal(report.Method.ToString(), session.ModelMetadata.CustomMetadataMap["mlserve.quantization"]);
    }

    [Fact]
    public async Task QuantizeAsync_ThrowIsAskedFor_ThrowsWithTheNumbers()
    {
        using var folder = new TemporaryFolder();
        var exception = await Fails(folder, Options with { OnGateFailure = GateFailureAction.Throw });
        Assert.Equal(QuantizationFailure.GateFailed, exception.Failure);
        Assert.Contains("dB of signal over noise, asked 20.0 dB", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuantizeAsync_WithoutSamples_IsDynamicAndSaysSo()
    {
        using var folder = new TemporaryFolder();
        var source = folder.Write("m.onnx", OnnxModel.Mlp(3, 64, 256, 256, 10));
        var report = await OnnxQuantizer.QuantizeAsync(source, folder["q.onnx"], new() { MinMultiplications = 0, Gate = Answers }, Token);
        Assert.Equal(QuantizationMethod.Dynamic, report.Method);
        Assert.True(report.IsBatchDependent);
        Assert.Contains(report.Notes, static note => note.Contains("made-up", StringComparison.Ordinal));
        Assert.Contains("neighbours", report.ToString(), StringComparison.Ordinal);
        using var session = new InferenceSession(folder["q.onnx"]);
        Assert.Equal("true", session.ModelMetadata.CustomMetadataMap["mlserve.batch-dependent"]);
    }

    [Fact]
    public async Task QuantizeAsync_OnlySmallNodes_KeepsTheSourceAndSaysWhy()
    {
        using var folder = new TemporaryFolder();
        var report = await OnnxQuantizer.QuantizeAsync(
            folder.Write("m.onnx", OnnxModel.Mlp(3, 4, 16, 3)), folder["q.onnx"], new() { Gate = Answers }, Token);
        Assert.Equal(QuantizationMethod.None, report.Method);
        Assert.NotNull(report.FallbackReason);
        Assert.True(File.Exists(folder["q.onnx"]));
    }

    [Theory]
    [InlineData(QuantizationStage.Reading)]
    [InlineData(QuantizationStage.Preprocessing)]
    [InlineData(QuantizationStage.Calibrating)]
    [InlineData(QuantizationStage.Quantizing)]
    [InlineData(QuantizationStage.Measuring)]
    [InlineData(QuantizationStage.Searching)]
    public async Task QuantizeAsync_CancelledBeforeAnythingPassed_LeavesNothing(QuantizationStage stage)
    {
        using var folder = new TemporaryFolder();
        using var cancellation = new CancellationTokenSource();
        var options = Options with { Progress = new Told(progress => { if (progress.Stage == stage) cancellation.Cancel(); }) };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            OnnxQuantizer.QuantizeAsync(folder.Write("m.onnx", Culprit.Model()), folder["q.onnx"], options, cancellation.Token));
        Assert.Equal(["m.onnx"], folder.Files);
    }

    [Fact]
    public async Task QuantizeAsync_CancelledOnceSomethingPassed_WritesIt()
    {
        using var folder = new TemporaryFolder();
        using var cancellation = new CancellationTokenSource();
        var options = Options with
        {
            Progress = new Told(progress => { if (progress.Stage == QuantizationStage.Writing) cancellation.Cancel(); }),
        };
        var report = await OnnxQuantizer.QuantizeAsync(
            folder.Write("m.onnx", Culprit.Model()), folder["q.onnx"], options, cancellation.Token);
        Assert.True(report.EndedEarly);
        Assert.True(report.Passed);
        Assert.Equal(QuantizationMethod.Static, report.Method);
        Assert.Contains(report.Notes, static note => note.Contains("gave up", StringComparison.Ordinal));
        Assert.Equal(["m.onnx", "q.onnx"], folder.Files);
    }

    [Fact]
    public async Task QuantizeAsync_CancelledOnceItFellBack_StillSaysWhy()
    {
        using var folder = new TemporaryFolder();
        using var cancellation = new CancellationTokenSource();
        var options = Options with
        {
            OnGateFailure = GateFailureAction.Int8Storage,
            Progress = new Told(progress => { if (progress.Stage == QuantizationStage.Writing) cancellation.Cancel(); }),
        };
        var report = await OnnxQuantizer.QuantizeAsync(
            folder.Write("m.onnx", Culprit.Model()), folder["q.onnx"], options, cancellation.Token);
        Assert.Equal((true, QuantizationMethod.Int8Storage), (report.EndedEarly, report.Method));
        Assert.Contains("of signal over noise", report.FallbackReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuantizeAsync_TimeIsOver_WritesTheBestSoFar()
    {
        using var folder = new TemporaryFolder();
        var report = await OnnxQuantizer.QuantizeAsync(
            folder.Write("m.onnx", Culprit.Model()), folder["q.onnx"], Options with { SearchBudget = TimeSpan.FromTicks(1) }, Token);

        // Nothing was made in that time: it is the source, and says so.
        Assert.True(report.EndedEarly);
        Assert.Empty(report.SearchSteps);
        Assert.True(report.Plan.KeepsOriginal);
        Assert.True(report.Passed);
    }

    [Theory]
    [InlineData("m.int8.onnx", "m.fp32.onnx")]
    [InlineData("m.INT8.onnx", "m.fp32.onnx")]
    [InlineData("q.onnx", "q.onnx")]
    public async Task QuantizeAsync_NothingIsInt8_IsNotCalledSo(string asked, string written)
    {
        using var folder = new TemporaryFolder();
        var report = await OnnxQuantizer.QuantizeAsync(
            folder.Write("m.onnx", OnnxModel.Mlp(3, 4, 16, 3)), folder[asked], new() { Gate = Answers }, Token);
        Assert.False(report.IsQuantized);
        Assert.Equal(folder[written], report.Destination);
        Assert.Equal(new[] { "m.onnx", written }.Order(StringComparer.Ordinal), folder.Files);
        Assert.StartsWith("result      NOT QUANTIZED", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuantizeAsync_NameThatSaysFp32IsTakenByAnother_IsNotWrittenOver()
    {
        using var folder = new TemporaryFolder();
        var source = folder.Write("m.fp32.onnx", OnnxModel.Mlp(3, 4, 16, 3));
        var report = await OnnxQuantizer.QuantizeAsync(source, folder["m.int8.onnx"], new() { Gate = Answers }, Token);
        Assert.Equal(folder["m.fp32-2.onnx"], report.Destination);
        Assert.Equal(OnnxModel.Mlp(3, 4, 16, 3), await File.ReadAllBytesAsync(source, Token));
        var again = await OnnxQuantizer.QuantizeAsync(source, folder["m.int8.onnx"], new() { Gate = Answers }, Token);
        Assert.Equal(folder["m.fp32-2.onnx"], again.Destination);
    }

    [Theory]
    [InlineData("12-nan")]
    [InlineData("12-dead")]
    public async Task QuantizeAsync_NothingToCompare_DoesNotPass(string name)
    {
        using var folder = new TemporaryFolder();
        var source = SharedData.PathOf($"regressions/{name}.onnx");
        var document = await Model.OnnxDocument.ReadAsync(Onnx.ModelSource.FromFile(source), Token);
        var samples = await RandomSamples.ForAsync(source, 200, 1, Token);
        var report = await OnnxQuantizer.QuantizeAsync(
            source, folder["m.int8.onnx"], new QuantizationOptions { MinMultiplications = 0, Gate = Answers }.CalibrateWith(samples),
            Token);
        Assert.True(report.Plan.KeepsOriginal, report.ToString());
        Assert.False(report.IsQuantized);
        Assert.Contains("nothing was compared", report.FallbackReason, StringComparison.Ordinal);
        Assert.Equal(["m.fp32.onnx"], folder.Files);
        Assert.NotNull(document);
    }

    [Fact]
    public async Task QuantizeAsync_FewRows_DoNotShowAgreement()
    {
        using var folder = new TemporaryFolder();
        var source = folder.Write("m.onnx", OnnxModel.Mlp(3, 64, 256, 256, 10));
        QuantizationOptions With(int rows) =>
            new QuantizationOptions
            {
                MinMultiplications = 0,
                Gate = Answers with { MinSnrDb = null },
            }.CalibrateWith(Trial.RandomInputs(rows, 64));
        var few = await OnnxQuantizer.QuantizeAsync(source, folder["few.onnx"], With(8), Token);
        Assert.False(few.Method == QuantizationMethod.Static, few.ToString());
        Assert.Contains("not enough rows", few.FallbackReason, StringComparison.Ordinal);
        var many = await OnnxQuantizer.QuantizeAsync(
            source, folder["many.onnx"], With(2000) with { MaxSamples = 2000, Gate = Answers with { MinAgreement = 0.9 } }, Token);
        Assert.Equal(QuantizationMethod.Static, many.Method);
        Assert.Equal(1000, many.ComparedSamples);
    }

    [Theory]
    [InlineData(GateFailureAction.ExcludeNodes)]
    [InlineData(GateFailureAction.Throw)]
    public async Task QuantizeAsync_RewritesFailTheLastWord_SaysWhy(GateFailureAction action)
    {
        using var folder = new TemporaryFolder();
        var source = folder.Write("m.onnx", OnnxModel.Mlp(3, 64, 256, 256, 10));
        var options = new QuantizationOptions
        {
            Method = QuantizationMethod.None,
            OnGateFailure = action,
            Gate = Answers,
        }.CalibrateWith(Trial.RandomInputs(8, 64));
        var quantizing = OnnxQuantizer.QuantizeAsync(source, folder["q.onnx"], options, Token);
        var reason = action == GateFailureAction.Throw
            ? (await Assert.ThrowsAsync<QuantizationException>(() => quantizing)).Message
            : (await quantizing).FallbackReason;
        Assert.Contains("not enough rows", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuantizeAsync_ExcludedNodeThatFoldingRenamed_IsFound()
    {
        using var folder = new TemporaryFolder();
        var graph = new Preprocessing.TestGraph().Input("x", 1, 8, 6, 6).Output("y")
            .Weight(Model.TensorData.Make("w", Rewriting.SmallModels.Random(8 * 8), 8, 8, 1, 1))
            .Weight(Model.TensorData.Make("v", Rewriting.SmallModels.Random(8 * 8, 9), 8, 8, 1, 1))
            .Weight(Model.TensorData.Make("g", Enumerable.Repeat(1.5f, 8).ToArray(), 8)).Weight(Model.TensorData.Make("o", new float[8], 8))
            .Weight(Model.TensorData.Make("s", Enumerable.Repeat(1f, 8).ToArray(), 8))
            .Node("Conv", "x w", "c").Node("BatchNormalization", "c g o o s", "b").Node("Relu", "b", "r").Node("Conv", "r v", "y");
        var source = folder.Write("m.onnx", Model.OnnxFile.ToBytes(graph.Model));
        var samples = Enumerable.Range(0, 16)
            .Select(static i => PredictionInputs.Rows(PredictionInput.Tensor("x", Trial.Values(i, 288), [1, 8, 6, 6]))).ToList();
        foreach (var name in new[] { "n_c", "c", "n_b", "b" })
        {
            var options = new QuantizationOptions { MinMultiplications = 0, Gate = Answers, ExcludeNodes = [name] }.CalibrateWith(samples);
            var report = await OnnxQuantizer.QuantizeAsync(source, folder["q.onnx"], options, Token);
            var node = Assert.Single(report.Plan.ExcludedNodes);
            Assert.Contains(report.Nodes, decision => decision.Node == node && decision.OpType == "Conv" && !decision.IsQuantized);
        }
    }

    [Fact]
    public async Task QuantizeAsync_WeightsInsideAnIf_AreTheReason()
    {
        using var folder = new TemporaryFolder();
        var source = SharedData.PathOf("models/stateful/silero_vad.onnx");
        var exception = await Assert.ThrowsAsync<QuantizationException>(() => OnnxQuantizer.QuantizeAsync(source, folder["q.onnx"],
            new QuantizationOptions { Method = QuantizationMethod.Static, OnGateFailure = GateFailureAction.Throw }.CalibrateWith(Unread()),
            Token));
        Assert.Equal(QuantizationFailure.NothingToQuantize, exception.Failure);
        Assert.Matches("weights lie inside '.*' \\(If\\)", exception.Message);

        // Operators are looked at before any sample is read.
        static IEnumerable<PredictionInputs> Unread()
        {
            Assert.Fail("A sample was read.");
            yield break;
        }
    }

    [Fact]
    public async Task QuantizeAsync_Progress_NeverGoesBack()
    {
        using var folder = new TemporaryFolder();
        var told = new List<QuantizationProgress>();
        await OnnxQuantizer.QuantizeAsync(
            folder.Write("m.onnx", Culprit.Model()), folder["q.onnx"], Options with { Progress = new Told(told.Add) }, Token);
        Assert.Equal(Enum.GetValues<QuantizationStage>(), told.Select(static progress => progress.Stage).Distinct());
        Assert.All(
            told.Zip(told.Skip(1)),
            static pair => Assert.True(pair.First.Share <= pair.Second.Share && pair.First.Stage <= pair.Second.Stage));
        Assert.All(told, static progress => Assert.InRange(progress.Share, 0, 1));
    }

    [Fact]
    public async Task QuantizeAsync_UserCodeThrows_PassesItOnAndWritesNothing()
    {
        static IEnumerable<PredictionInputs> Breaking()
        {
            foreach (var sample in Culprit.Samples().Take(10))
                yield return sample;
            throw new TimeoutException("samples");
        }

        using var folder = new TemporaryFolder();
        var source = folder.Write("m.onnx", Culprit.Model());
        QuantizationOptions[] all =
        [
            Options.CalibrateWith(Breaking()),
            Options with { Gate = Options.Gate with { Evaluate = static (_, _) => throw new TimeoutException("metric") } },
            Options with { Progress = new Told(static _ => throw new TimeoutException("progress")) },
        ];
        foreach (var options in all)
            await Assert.ThrowsAsync<TimeoutException>(() => OnnxQuantizer.QuantizeAsync(source, folder["q.onnx"], options, Token));
        Assert.Equal(["m.onnx"], folder.Files);
    }

    [Fact]
    public async Task QuantizeAsync_Metric_IsAskedOfTheSourceOnceAndOfWhatPasses()
    {
        using var folder = new TemporaryFolder();
        var asked = new List<IPredictor>();
        ValueTask<double> Evaluate(IPredictor predictor, CancellationToken cancellationToken)
        {
            asked.Add(predictor);
            return new(asked.Count == 1 ? 0.9 : 0.1);
        }

        var options = Options with
        {
            Gate = Options.Gate with { MinSnrDb = null, Evaluate = Evaluate },
            OnGateFailure = GateFailureAction.Throw,
        };
        var exception = await Fails(folder, options);
        Assert.Equal(QuantizationFailure.GateFailed, exception.Failure);
        Assert.Contains("metric 0.1, source 0.9", exception.Message, StringComparison.Ordinal);
        Assert.Equal(asked.Count, asked.Distinct().Count());
    }

    [Fact]
    public async Task QuantizeAsync_BadSamples_AreRefused()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(QuantizationFailure.NoCalibrationData, (await Fails(folder, Options.CalibrateWith([]))).Failure);
        var wrong = await Fails(folder, Options.CalibrateWith([.. Culprit.Samples(5), PredictionInputs.Rows(new float[7], 1)]));
        Assert.Equal(QuantizationFailure.InvalidSample, wrong.Failure);
        Assert.Contains("sample 5", wrong.Message, StringComparison.Ordinal);
        var queue = new Queue<PredictionInputs>(Culprit.Samples());
        var once = Enumerable.Range(0, 24).TakeWhile(_ => queue.Count > 0).Select(_ => queue.Dequeue());
        Assert.Contains("sample", (await Fails(folder, Options.CalibrateWith(once))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuantizeAsync_BadOptions_AreAllNamed()
    {
        using var folder = new TemporaryFolder();
        var exception = await Fails(
            folder,
            Options with
            {
                MaxSamples = 0,
                Threads = 0,
                SearchBudget = TimeSpan.Zero,
                BlockSize = 17,
                Percentile = double.NaN,
                Gate = new() { MinSpeedup = double.NaN, MinAgreement = 2, MaxLoss = -1 },
            });
        Assert.Equal(QuantizationFailure.InvalidOptions, exception.Failure);
        Assert.All(
            ["MaxSamples", "Threads", "SearchBudget", "BlockSize", "Percentile", "MinSpeedup", "MinAgreement", "MaxLoss"],
            name => Assert.Contains(name, exception.Message, StringComparison.Ordinal));
        Assert.Contains(
            "no such node", (await Fails(folder, Options with { ExcludeNodes = ["nobody"] })).Message, StringComparison.Ordinal);
        Assert.Contains("Static", (await Fails(folder, new() { Method = QuantizationMethod.Static })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuantizeAsync_Destination_IsNeverTheSourceAndHasToExist()
    {
        using var folder = new TemporaryFolder();
        var source = folder.Write("m.onnx", Culprit.Model());
        using var other = new TemporaryFolder();
        File.CreateSymbolicLink(folder["link.onnx"], source);
        Directory.CreateSymbolicLink(other["way"], folder.Folder);
        foreach (var destination in new[] { source, folder["link.onnx"], other["way/m.onnx"], other["way/link.onnx"],
            folder["nowhere/q.onnx"], folder.Folder })
        {
            var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
                OnnxQuantizer.QuantizeAsync(source, destination, Options, Token));
            Assert.Equal(QuantizationFailure.Destination, exception.Failure);
        }

        Assert.True(File.ReadAllBytes(source).AsSpan().SequenceEqual(Culprit.Model()));
    }

    [Fact]
    public async Task QuantizeAsync_FolderIsGoneWhenItWrites_SaysSo()
    {
        using var folder = new TemporaryFolder();
        using var other = new TemporaryFolder();
        var options = Options with
        {
            Progress = new Told(progress =>
            {
                if (progress.Stage == QuantizationStage.Writing && Directory.Exists(other.Folder)) Directory.Delete(other.Folder);
            }),
        };
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.QuantizeAsync(folder.Write("m.onnx", Culprit.Model()), other["q.onnx"], options, Token));
        Assert.Equal(QuantizationFailure.Destination, exception.Failure);
    }

    [Fact]
    public async Task QuantizeAsync_QuantizedAlready_IsRefused()
    {
        using var folder = new TemporaryFolder();
        await OnnxQuantizer.QuantizeAsync(folder.Write("m.onnx", Culprit.Model()), folder["q.onnx"], Options, Token);
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.QuantizeAsync(folder["q.onnx"], folder["qq.onnx"], Options, Token));
        Assert.Equal(QuantizationFailure.AlreadyQuantized, exception.Failure);
    }

    [Fact]
    public async Task QuantizeAsync_PlanOfAnotherModel_IsRefused()
    {
        using var folder = new TemporaryFolder();
        var plan = new QuantizationPlan { SourceDigest = "00", Method = QuantizationMethod.Int8Storage, Target = CpuTarget.X86 };
        Assert.Equal(QuantizationFailure.PlanMismatch, (await Fails(folder, new() { Plan = plan })).Failure);
    }

    private static async Task<QuantizationException> Fails(TemporaryFolder folder, QuantizationOptions options)
    {
        var source = folder.Write("m.onnx", Culprit.Model());
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.QuantizeAsync(source, folder["q.onnx"], options, Token));
        Assert.Equal(["m.onnx"], folder.Files);
        return exception;
    }

    private sealed class Told(Action<QuantizationProgress> action) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value) => action(value);
    }
}
