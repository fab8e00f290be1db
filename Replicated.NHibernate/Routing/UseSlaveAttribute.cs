namespace Replicated.NHibernate;

/// <summary>
/// Work below this always runs on a slave, whatever the HTTP verb and whatever <c>AutoReadOnSlave</c> says, and never on the
/// master: where slaves are configured and none can be reached, it fails. For a POST that only reads, such as a search.
/// </summary>
/// <example><code>[HttpPost("search"), UseSlave] public IActionResult Search(Query query) { … }</code></example>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, Inherited = true)]
public sealed class UseSlaveAttribute : Attribute, IDatabaseRoleMetadata
{
    /// <inheritdoc />
    public DatabaseRole Role => DatabaseRole.Slave;
}
