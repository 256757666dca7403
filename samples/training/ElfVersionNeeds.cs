using System.Buffers.Binary;
using System.Text;

namespace MlServe.Samples.Training;

/// <summary>
/// The versions that a 64-bit little-endian ELF library needs of others: section .gnu.version_r, as the Linux Standard Base has it.
/// </summary>
internal static class ElfVersionNeeds
{
    private const uint VersionNeeds = 0x6ffffffe;
    private const ushort Weak = 2;

    /// <summary>Marks the need of <paramref name="version"/> as weak, so that the loader no longer insists on it.</summary>
    public static void MakeWeak(Span<byte> elf, string version)
    {
        var wanted = Encoding.ASCII.GetBytes(version + '\0');
        var sections = (int)BinaryPrimitives.ReadUInt64LittleEndian(elf[40..]);
        var sectionSize = Half(elf, 58);
        for (var i = 0; i < Half(elf, 60); i++)
        {
            var section = sections + (i * sectionSize);
            if (Word(elf, section + 4) != VersionNeeds)
                continue;

            var names = Offset(elf, sections + ((int)Word(elf, section + 40) * sectionSize));
            for (int need = Offset(elf, section), nextNeed = -1; nextNeed != 0; need += nextNeed)
            {
                nextNeed = (int)Word(elf, need + 12);
                for (int entry = need + (int)Word(elf, need + 8), nextEntry = -1; nextEntry != 0; entry += nextEntry)
                {
                    nextEntry = (int)Word(elf, entry + 12);
                    if (elf[(names + (int)Word(elf, entry + 8))..].StartsWith(wanted))
                        BinaryPrimitives.WriteUInt16LittleEndian(elf[(entry + 4)..], (ushort)(Half(elf, entry + 4) | Weak));
                }
            }
        }
    }

    private static ushort Half(ReadOnlySpan<byte> elf, int at) => BinaryPrimitives.ReadUInt16LittleEndian(elf[at..]);

    private static uint Word(ReadOnlySpan<byte> elf, int at) => BinaryPrimitives.ReadUInt32LittleEndian(elf[at..]);

    private static int Offset(ReadOnlySpan<byte> elf, int section) => (int)BinaryPrimitives.ReadUInt64LittleEndian(elf[(section + 24)..]);
}
