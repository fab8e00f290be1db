using Replicated.NHibernate.Tests.Evidence;

// Nothing runs in parallel unless a fixture says that it may; then two at a time, as the smallest machine has.
[assembly: LevelOfParallelism(2)]
[assembly: RecordEvidence]
