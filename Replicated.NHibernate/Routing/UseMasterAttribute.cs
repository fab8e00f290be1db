namespace Replicated.NHibernate;

/// <summary>
/// Work below this always runs on the master, whatever the HTTP verb: for a GET that writes, or that must read
/// what was committed last. On an action, a controller, a Razor page model, a hub, a hub method or a minimal endpoint's handler;
/// the most specific of several wins.
/// </summary>
/// <example><code>[HttpGet("confirm"), UseMaster] public IActionResult Confirm(Guid token) { … }</code></example>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, Inherited = true)]
public sealed class UseMasterAttribute : Attribute, IDatabaseRoleMetadata
{
    /// <inheritdoc />
    public DatabaseRole Role => DatabaseRole.Master;
}
