namespace Replicated.NHibernate.Nodes;

/// <summary>A connection that could be opened was lost by the question asked of it. Never leaves <see cref="NodePool"/> by itself.</summary>
internal sealed class QuestionFailedException(Exception innerException) : InvalidOperationException("The connection was lost while its server was asked how far it is.", innerException);
