using System.Globalization;
using System.Runtime;
using Replicated.NHibernate.Benchmarks;

if (args is ["serve", var name, var master, var slave])
{
    await Arm.All.Single(a => a.Name == name).ServeAsync(master, slave);
    return 0;
}

if (Arguments.Parse(args) is not { } arguments)
{
    Console.Error.WriteLine(Arguments.Usage);
    return 2;
}

Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $".NET {Environment.Version}, {Environment.ProcessorCount} processors, {(GCSettings.IsServerGC ? "server" : "workstation")} GC. Only ratios within one run count; A/A is the same code against itself, and what lies no further from 1 than it is noise."));
var report = new Report();
foreach (var benchmark in Benchmark.All.Where(b => arguments.Wants(b.Name)))
{
    await benchmark.Run(arguments, report);
}

foreach (var missing in Benchmark.Missing.Where(arguments.Wants))
{
    Console.WriteLine($"{missing}: NOT RUN, it needs NHibernate");
}

return report.Missed && arguments.Strict ? 1 : 0;
