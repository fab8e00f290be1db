namespace Replicated.NHibernate;

/// <summary>
/// Everything that is read below this, the view's lazy loading included, is of one moment: one repeatable-read transaction, begun with the first statement and
/// ended with the request. It chooses no role: a GET goes to a slave by its verb all the same. On a slave it lasts to the end of the
/// view; on the master the request's transaction is the snapshot, and ends with its commit. On an action, a controller, a Razor page model, a hub, a hub
/// method or a minimal endpoint's handler.
/// </summary>
/// <example><code>[HttpGet("statement"), UseSnapshot] public IActionResult Statement(int year) { … }</code></example>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, Inherited = true)]
public sealed class UseSnapshotAttribute : Attribute;
