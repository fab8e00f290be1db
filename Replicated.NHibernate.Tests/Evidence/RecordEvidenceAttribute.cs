using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace Replicated.NHibernate.Tests.Evidence;

/// <summary>Writes the evidence when the whole suite has run, to the file that REPLICATED_EVIDENCE names; without it, nothing.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class RecordEvidenceAttribute : Attribute, ITestAction
{
    public ActionTargets Targets => ActionTargets.Suite;

    public void BeforeTest(ITest test)
    {
    }

    public void AfterTest(ITest test)
    {
        var file = Environment.GetEnvironmentVariable("REPLICATED_EVIDENCE");
        if (test.Parent is null && !string.IsNullOrEmpty(file))
        {
            EvidencePage.Write(file, TestExecutionContext.CurrentContext.CurrentResult);
        }
    }
}
