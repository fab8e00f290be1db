using System.Globalization;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>What the command line asks for.</summary>
internal sealed record Arguments(IReadOnlyList<string> Names, TimeSpan Round, int Pairs, int Connections, bool Strict, bool Full)
{
    public const string Usage =
        """
        [decision] [pick] [tokens] [session] [startup] [http] [request-memory]
                                        which benchmarks to run; all of them where none is named; 'request' is all whose names begin so
        --full                                more rounds of what begins with request
        --seconds N                           how long a round over HTTP lasts (10)
        --pairs N                             how many pairs of such rounds (3)
        --connections N                       how many clients at a time, 8 to 32 (16)
        --strict                              a missed budget makes the exit code 1
        """;

    public bool Wants(string name) => Names.Count == 0 || Names.Any(n => IsPart(name, n));

    /// <returns>Null where the command line is not understood.</returns>
    public static Arguments? Parse(string[] args)
    {
        var names = new List<string>();
        var (seconds, pairs, connections, strict, full) = (10, 3, 16, false, false);
        for (var i = 0; i < args.Length; i++)
        {
            var understood = args[i] switch
            {
                "--seconds" => Number(out seconds, most: 600),
                "--pairs" => Number(out pairs, most: 100),
                "--connections" => Number(out connections, most: 32),
                "--strict" => strict = true,
                "--full" => full = true,
                var name => Named(name),
            };
            if (!understood)
            {
                return null;
            }

            bool Number(out int value, int most)
            {
                value = 0;
                return ++i < args.Length
                    && int.TryParse(args[i], NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= 1 && value <= most;
            }
        }

        return new Arguments(names, TimeSpan.FromSeconds(seconds), pairs, connections, strict, full);

        bool Named(string name)
        {
            names.Add(name);
            return Array.Exists(Benchmark.Names, n => IsPart(n, name));
        }
    }

    private static bool IsPart(string name, string group) => name == group || name.StartsWith($"{group}-", StringComparison.Ordinal);
}
