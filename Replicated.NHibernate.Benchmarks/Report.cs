namespace Replicated.NHibernate.Benchmarks;

/// <summary>Prints a line for each figure and remembers whether a budget was missed.</summary>
internal sealed class Report
{
    public bool Missed { get; private set; }

    public void Line(string what, FormattableString figures, FormattableString budget, bool met)
    {
        Missed |= !met;
        Console.WriteLine($"{what,-34} {FormattableString.Invariant(figures)}; budget {FormattableString.Invariant(budget)}: {(met ? "met" : "MISSED")}");
    }

    /// <summary>A figure without a budget, such as what a missed one is made of.</summary>
    public static void Note(string what, FormattableString figures) => Console.WriteLine($"{what,-34} {FormattableString.Invariant(figures)}");
}
