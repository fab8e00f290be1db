namespace Replicated.NHibernate;

/// <summary>
/// Statements below this are never sent once more where their connection is lost (see <see cref="ReplicatedOptions.Repeat"/>): for a read that does something outside its transaction,
/// such as a function that calls another service. On an action, a controller, a Razor page model, a hub, a hub method or a minimal endpoint's handler.
/// </summary>
/// <example><code>[HttpGet("charge"), NoRepeat] public IActionResult Charge(int id) { … }</code></example>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, Inherited = true)]
public sealed class NoRepeatAttribute : Attribute;
