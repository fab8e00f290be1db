namespace Replicated.NHibernate;

/// <summary>What <c>AddReplicatedNHibernate</c> gives back, to say what all sessions and connections have in common.</summary>
public interface IReplicatedNHibernateBuilder : IReplicatedBuilder;
