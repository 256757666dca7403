namespace MlServe.TestModels;

/// <summary>
/// Models of operators thrown together, of which nothing is claimed: axes, shapes and operands are drawn, those of the batch among them.
/// Whatever is proved of one is to hold.
/// </summary>
public static class SoupModels
{
    /// <summary>A model from a seed. Some are refused by the runtime.</summary>
    /// <param name="seed">Of what it is made.</param>
    /// <param name="isMasked">Whether its inputs, which are called "... as given" then, pass through a mask that writes nothing.</param>
    public static RowModel Create(int seed, bool isMasked = false)
    {
        var random = new Random(seed);
        var sketch = new Sketch(random, random.GetItems([13L, 15, 17, 18], 1)[0]);
        sketch.Root.IrVersion(9).Opset("com.microsoft", 1).Opset("ai.onnx.ml", 3).MasksInputs = isMasked;
        return new Soup(sketch).Cook();
    }

    /// <summary>A dimension: so many, or so many for each row.</summary>
    private readonly record struct Dim(int Count, bool OfRows)
    {
        public static implicit operator Dim(int count) => new(count, false);
    }

    private sealed record Part(string Name, Dim[] Dims)
    {
        public int Rank => Dims.Length;
    }

    private sealed class Soup(Sketch s)
    {
        private readonly List<Part> _parts = [];
        private readonly List<RowInput> _inputs = [];

        public RowModel Cook()
        {
            for (var i = s.Random.Next(1, 4); i > 0; i--)
                AddInput();
            for (var i = s.Random.Next(2, 9); i > 0; i--)
            {
                if (Next(Any(late: true)) is { } part) _parts.Add(part);
            }

            var outputs = s.Random.Next(1, 3);
            for (var i = 0; i < outputs; i++)
            {
                var part = _parts[^Math.Min(_parts.Count, i + 1)];
                s.Root.Node("Identity", [part.Name], [$"y{i}"]).OutputOfAnyShape($"y{i}", OnnxModel.Float);
            }

            return new("soup", s.Root.ToBytes(), _inputs, IsDependent: false, null);
        }

        private void AddInput()
        {
            var rank = s.Random.Next(2, 5);
            var axis = s.Chance(0.65) ? 0 : s.Random.Next(rank);
            var isShared = _inputs.Count > 0 && s.Chance(0.25);
            var dims = new Dim[rank];
            for (var i = 0; i < rank; i++)
                dims[i] = i == axis && !isShared ? new Dim(1, true) : (Dim)s.Random.Next(1, 5);
            var name = $"x{_inputs.Count}";
            s.Root.Input(name, OnnxModel.Float, [.. dims.Select(dim => dim.OfRows ? "batch" : s.Chance(0.6) ? (object)dim.Count : "")]);
            long[] shape = [.. dims.Select(static dim => (long)dim.Count)];
            _inputs.Add(new(name, isShared ? null : axis, random => RowTensor.Of(Values.Normal(random, Values.Count(shape)), shape)));
            _parts.Add(new(name, dims));
        }

        private Part Any(bool late = false) => _parts[late && s.Chance(0.6) ? ^1 : s.Random.Next(_parts.Count)];

        private int Axis(Part part) => s.Random.Next(part.Rank);

        private Part? Next(Part x)
        {
            if (x.Rank == 0) return new(s.Unsqueeze(x.Name, 0), [1]);
            switch (s.Random.Next(30))
            {
                case 0: return x with { Name = s.Node(s.Pick("Relu", "Neg", "Tanh", "Sigmoid", "Abs"), [x.Name]) };
                case 1 or 2: return Binary(x, Any());
                case 3: return Reduce(x);
                case 4:
                    return x with
                    {
                        Name = s.Node(s.Pick("Softmax", "LogSoftmax", "Hardmax", "LpNormalization"), [x.Name], ("axis", (long)Axis(x))),
                    };
                case 5: return x with { Name = s.Node("CumSum", [x.Name, s.Scalar((long)Axis(x))]) };
                case 6 or 7: return Transpose(x);
                case 8 or 9: return Reshape(x);
                case 10: return Plumb(x);
                case 11: return Flatten(x);
                case 12: return Squeeze(x);
                case 13: return Slice(x);
                case 14: return Gather(x);
                case 15: return Concat(x, Any());
                case 16 or 17: return Multiply(x, Any());
                case 18: return Expand(x);
                case 19: return Tile(x);
                case 20: return ArgMax(x);
                case 21: return LookUp(x);
                case 22: return Normalize(x);
                case 23: return Convolve(x);
                case 24: return Count(x);
                case 25: return Filled(x);
                case 26: return Elements(x);
                case 27: return Recur(x);
                case 28: return Split(x);
                default: return Einsum(x, Any());
            }
        }

        private Part? Binary(Part x, Part y)
        {
            var rank = Math.Max(x.Rank, y.Rank);
            var dims = new Dim[rank];
            for (var i = 1; i <= rank; i++)
            {
                var (a, b) = (i <= x.Rank ? x.Dims[^i] : 1, i <= y.Rank ? y.Dims[^i] : 1);
                if (a != b && a != 1 && b != 1) return null;
                dims[^i] = a == 1 ? b : a;
            }

            return new(s.Node(s.Pick("Add", "Mul", "Sub", "Max"), [x.Name, y.Name]), dims);
        }

        private Part Reduce(Part x)
        {
            long[] axes = s.Chance(0.8)
                ? [Axis(x)]
                : [.. Enumerable.Range(0, x.Rank).Where(_ => s.Chance(0.5)).Select(static axis => (long)axis)];
            if (axes.Length == 0) axes = [x.Rank - 1];
            var keeps = s.Chance(0.6);
            var name = s.Reduce(
                s.Pick("ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2"), x.Name, keeps,
                s.Chance(0.3) ? [.. axes.Select(axis => axis - x.Rank)] : axes);
            return new(
                name,
                [.. x.Dims.Select((dim, axis) => axes.Contains(axis) ? (Dim?)(keeps ? 1 : null) : dim)
                    .Where(static dim => dim is not null)
                    .Select(static dim => dim!.Value)]);
        }

        private Part Transpose(Part x)
        {
            int[] order = [.. Enumerable.Range(0, x.Rank)];
            s.Random.Shuffle(order);
            return new(s.Transpose(x.Name, [.. order.Select(static axis => (long)axis)]), [.. order.Select(axis => x.Dims[axis])]);
        }

        /// <summary>Joins neighbours, or splits a dimension; one may be left open.</summary>
        private Part Reshape(Part x)
        {
            var dims = x.Dims.ToList();
            if (dims.Count > 1 && s.Chance(0.6))
            {
                var at = s.Random.Next(dims.Count - 1);
                if (dims[at].OfRows && dims[at + 1].OfRows) return x;
                dims[at] = new(dims[at].Count * dims[at + 1].Count, dims[at].OfRows || dims[at + 1].OfRows);
                dims.RemoveAt(at + 1);
            }
            else
            {
                var at = s.Random.Next(dims.Count);
                var part = s.Pick(2, 3, 1);
                if (dims[at].Count % part != 0) return x;
                var first = s.Chance(0.5);
                var rest = new Dim(dims[at].Count / part, dims[at].OfRows);
                dims[at] = first ? part : rest;
                dims.Insert(at + 1, first ? rest : part);
            }

            if (dims.Count(static dim => dim.OfRows) > 1) return x;
            var open = dims.FindIndex(static dim => dim.OfRows) is >= 0 and var rows ? rows : s.Random.Next(dims.Count);
            var target = dims.Select((dim, i) => i == open ? -1L
                : i < x.Rank && dim == x.Dims[i] && s.Chance(0.3) ? 0
                : dim.Count).ToArray();
            return new(s.Reshape(x.Name, target), [.. dims]);
        }

        /// <summary>A reshape put together of the shape of a value.</summary>
        private Part? Plumb(Part x)
        {
            var rows = Array.FindIndex(x.Dims, static dim => dim.OfRows);
            if (rows < 0) return null;
            var size = s.SizeOf(x.Name, rows);
            var rest = x.Dims.Where((_, i) => i != rows).Aggregate(1, static (product, dim) => product * dim.Count);
            var of = new Dim(x.Dims[rows].Count, true);
            (string Target, Dim[] Dims) made = s.Random.Next(4) switch
            {
                0 => (s.Node("Concat", [size, s.List(-1)], ("axis", 0)), [of, rest]),
                1 => (s.Node("Concat", [s.List(-1), size], ("axis", 0)), [rest, of]),
                2 => (s.Node("Concat", [s.Node("Mul", [size, s.List(rest)])], ("axis", 0)), [new(of.Count * rest, true)]),
                _ => (s.Node("Concat", [s.List(1), size, s.List(rest)], ("axis", 0)), [1, of, rest]),
            };
            return new(s.Node("Reshape", [x.Name, made.Target]), made.Dims);
        }

        private Part Flatten(Part x)
        {
            var axis = s.Random.Next(x.Rank + 1);
            Dim Product(Dim[] dims) =>
                dims.Aggregate(new Dim(1, false), static (product, dim) => new(product.Count * dim.Count, product.OfRows || dim.OfRows));
            return new(s.Node("Flatten", [x.Name], ("axis", (long)axis)), [Product(x.Dims[..axis]), Product(x.Dims[axis..])]);
        }

        private Part Squeeze(Part x)
        {
            var at = Array.FindIndex(x.Dims, static dim => dim == 1);
            if (at >= 0 && s.Chance(0.5)) return new(s.Squeeze(x.Name, at), [.. x.Dims[..at], .. x.Dims[(at + 1)..]]);
            at = s.Random.Next(x.Rank + 1);
            return new(s.Unsqueeze(x.Name, at), [.. x.Dims[..at], 1, .. x.Dims[at..]]);
        }

        private Part Slice(Part x)
        {
            var axis = Axis(x);
            if (x.Dims[axis].OfRows)
                return s.Chance(0.7)
                    ? x with { Name = s.Slice(x.Name, axis, 0, int.MaxValue) }
                    : With(x, s.Slice(x.Name, axis, 0, x.Dims[axis].Count), axis, x.Dims[axis].Count);
            var end = s.Random.Next(1, x.Dims[axis].Count + 1);
            var start = s.Random.Next(end);
            return With(x, s.Slice(x.Name, axis, start, end), axis, end - start);
        }

        private Part Gather(Part x)
        {
            var axis = Axis(x);
            var indices = s.Random.GetItems(
                Enumerable.Range(0, x.Dims[axis].Count).Select(static i => (long)i).ToArray(), s.Random.Next(1, 3));
            if (s.Chance(0.4))
                return new(
                    s.Node("Gather", [x.Name, s.Scalar(indices[0])], ("axis", (long)axis)), [.. x.Dims[..axis], .. x.Dims[(axis + 1)..]]);
            return With(x, s.Node("Gather", [x.Name, s.List(indices)], ("axis", (long)axis)), axis, indices.Length);
        }

        private Part? Concat(Part x, Part y)
        {
            if (x.Rank != y.Rank) return null;
            var axis = Axis(x);
            for (var i = 0; i < x.Rank; i++)
            {
                if (i != axis && x.Dims[i] != y.Dims[i]) return null;
            }

            if (x.Dims[axis].OfRows != y.Dims[axis].OfRows) return null;
            return With(
                x, s.Node("Concat", [x.Name, y.Name], ("axis", (long)axis)), axis,
                new(x.Dims[axis].Count + y.Dims[axis].Count, x.Dims[axis].OfRows));
        }

        private Part? Multiply(Part x, Part y)
        {
            if (s.Chance(0.5) && !x.Dims[^1].OfRows)
                return With(x, s.Node("MatMul", [x.Name, s.Weights(1, x.Dims[^1].Count, 3)]), x.Rank - 1, 3);
            if (x.Rank < 2 || y.Rank < 2 || x.Dims[^1] != y.Dims[^2]) return null;
            var rank = Math.Max(x.Rank, y.Rank);
            var dims = new Dim[rank];
            (dims[^1], dims[^2]) = (y.Dims[^1], x.Dims[^2]);
            for (var i = 3; i <= rank; i++)
            {
                var (a, b) = (i <= x.Rank ? x.Dims[^i] : 1, i <= y.Rank ? y.Dims[^i] : 1);
                if (a != b && a != 1 && b != 1) return null;
                dims[^i] = a == 1 ? b : a;
            }

            return new(s.Node("MatMul", [x.Name, y.Name]), dims);
        }

        private Part? Expand(Part x)
        {
            var like = Any();
            var fits = Binary(x, like);
            return fits is null ? null : fits with { Name = s.Node("Expand", [x.Name, s.Node("Shape", [like.Name])]) };
        }

        private Part Tile(Part x)
        {
            var axis = Axis(x);
            var repeats = Enumerable.Repeat(1L, x.Rank).ToArray();
            repeats[axis] = 2;
            return With(x, s.Node("Tile", [x.Name, s.List(repeats)]), axis, new(x.Dims[axis].Count * 2, x.Dims[axis].OfRows));
        }

        private Part ArgMax(Part x)
        {
            var axis = Axis(x);
            return With(
                x, s.Node("Cast", [s.Node("ArgMax", [x.Name], ("axis", (long)axis), ("keepdims", 1))], ("to", OnnxModel.Float)), axis, 1);
        }

        /// <summary>Elements of a table, or of another value, by the place of the largest.</summary>
        private Part? LookUp(Part x)
        {
            var axis = Axis(x);
            var best = s.Node("ArgMax", [x.Name], ("axis", (long)axis), ("keepdims", 0));
            Dim[] rest = [.. x.Dims[..axis], .. x.Dims[(axis + 1)..]];
            if (s.Chance(0.5)) return new(s.Node("Gather", [s.Weights(1, 16, 2), best], ("axis", 0)), [.. rest, 2]);
            var (data, on) = (Any(), 0);
            if (data.Rank == 0) return null;
            on = Axis(data);
            return new(
                s.Node("Gather", [data.Name, s.Node("Mod", [best, s.Scalar(1L)])], ("axis", (long)on)),
                [.. data.Dims[..on], .. rest, .. data.Dims[(on + 1)..]]);
        }

        private Part? Normalize(Part x)
        {
            if (s.Opset >= 17 && s.Chance(0.5))
            {
                var axis = Axis(x);
                if (x.Dims[axis..].Any(static dim => dim.OfRows)) return null;
                return x with
                {
                    Name = s.Node(
                        "LayerNormalization", [x.Name, s.Weights(1, [.. x.Dims[axis..].Select(static dim => (long)dim.Count)])],
                        ("axis", (long)axis)),
                };
            }

            if (x.Rank < 3 || x.Dims[1].OfRows) return null;
            var channels = x.Dims[1].Count;
            if (s.Chance(0.5))
                return x with { Name = s.Node("InstanceNormalization", [x.Name, s.Weights(1, channels), s.Weights(1, channels)]) };
            return x with
            {
                Name = s.Node(
                    "BatchNormalization",
                    [x.Name, s.Weights(1, channels), s.Weights(1, channels), s.Weights(1, channels),
                        s.Node("Abs", [s.Weights(1, channels)])]),
            };
        }

        private Part? Convolve(Part x)
        {
            if (x.Rank is not (3 or 4)) return null;
            var spatial = x.Rank - 2;
            if (s.Chance(0.4))
                return new(s.Node("GlobalMaxPool", [x.Name]), [x.Dims[0], x.Dims[1], .. Enumerable.Repeat((Dim)1, spatial)]);
            if (x.Dims[1].OfRows) return null;
            long[] shape = [2, x.Dims[1].Count, .. Enumerable.Repeat(3L, spatial)];
            return With(x, s.Node("Conv", [x.Name, s.Weights(1, shape)], ("pads", Enumerable.Repeat(1L, 2 * spatial).ToArray())), 1, 2);
        }

        /// <summary>A size as data.</summary>
        private Part Count(Part x)
        {
            var size = s.Node("Cast", [s.Squeeze(s.SizeOf(x.Name, Axis(x)), 0)], ("to", OnnxModel.Float));
            return x with { Name = s.Node("Mul", [x.Name, s.Node("Reciprocal", [size])]) };
        }

        private Part? Filled(Part x)
        {
            var axis = Axis(x);
            if (s.Chance(0.3))
            {
                var steps = s.Node(
                    "Cast", [s.Node("Range", [s.Scalar(0L), s.Squeeze(s.SizeOf(x.Name, axis), 0), s.Scalar(1L)])], ("to", OnnxModel.Float));
                return new(steps, [x.Dims[axis]]);
            }

            return new(
                s.Node(
                    "ConstantOfShape", [s.Node("Concat", [s.SizeOf(x.Name, axis), s.List(2)], ("axis", 0))],
                    ("value", OnnxModel.Value([0.7f], 1))), [x.Dims[axis], 2]);
        }

        private Part Elements(Part x)
        {
            var axis = (long)Axis(x);
            var sorted = s.Nodes("TopK", [x.Name, s.SizeOf(x.Name, axis)], 2, ("axis", axis));
            if (s.Chance(0.4)) return x with { Name = sorted[0] };
            var on = s.Chance(0.7) ? axis : Axis(x);
            var places = on == axis ? sorted[1] : s.Node("Mod", [sorted[1], s.Scalar(1L)]);
            return x with
            {
                Name = s.Chance(0.5)
                    ? s.Node("GatherElements", [x.Name, places], ("axis", on))
                    : s.Node("ScatterElements", [x.Name, places, sorted[0]], ("axis", on)),
            };
        }

        private Part? Recur(Part x)
        {
            if (x.Rank != 3 || x.Dims[2].OfRows) return null;
            var width = x.Dims[2].Count;
            return new(
                s.Node("GRU", [x.Name, s.Weights(1, 1, 6, width), s.Weights(1, 1, 6, 2)], ("hidden_size", 2)),
                [x.Dims[0], 1, x.Dims[1], 2]);
        }

        private Part? Split(Part x)
        {
            var axis = Axis(x);
            if (x.Dims[axis].Count % 2 != 0) return null;
            var parts = s.Opset >= 18
                ? s.Nodes("Split", [x.Name], 2, ("axis", (long)axis), ("num_outputs", 2))
                : s.Nodes("Split", [x.Name], 2, ("axis", (long)axis));
            return With(x, s.Pick(parts), axis, new(x.Dims[axis].Count / 2, x.Dims[axis].OfRows));
        }

        private Part? Einsum(Part x, Part y)
        {
            // Axes of one size may have one letter.
            var letters = new Dictionary<char, Dim>();
            string Letters(Part part)
            {
                var text = "";
                foreach (var dim in part.Dims)
                {
                    var same = letters.Where(pair => pair.Value == dim && !text.Contains(pair.Key, StringComparison.Ordinal))
                        .Select(static pair => pair.Key).ToArray();
                    var letter = same.Length > 0 && s.Chance(0.8) ? same[0] : (char)('a' + letters.Count);
                    letters[letter] = dim;
                    text += letter;
                }

                return text;
            }

            var (left, right) = (Letters(x), Letters(y));
            char[] all = [.. letters.Keys];
            s.Random.Shuffle(all);
            var output = new string([.. all.Where(_ => s.Chance(0.7)).Take(4)]);
            return output.Length == 0
                ? null
                : new(
                    s.Node("Einsum", [x.Name, y.Name], ("equation", $"{left},{right}->{output}")),
                    [.. output.Select(letter => letters[letter])]);
        }

        private static Part With(Part x, string name, int axis, Dim dim)
        {
            var dims = (Dim[])x.Dims.Clone();
            dims[axis] = dim;
            return new(name, dims);
        }
    }
}
