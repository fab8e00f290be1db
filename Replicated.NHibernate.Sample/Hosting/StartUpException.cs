namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>The program cannot start, and the message says all there is to say.</summary>
internal sealed class StartUpException(string message, Exception? inner = null) : Exception(message, inner);
