using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting;

/// <summary>A model that was rewritten, and what became of its nodes.</summary>
internal sealed record RewriteResult(ModelProto Model, IReadOnlyList<NodeDecision> Decisions);
