namespace Replicated.NHibernate.Web.Status;

/// <summary>On endpoints that never ask for a session: their requests get no scope.</summary>
internal sealed class UnroutedEndpoint
{
    public static readonly UnroutedEndpoint Instance = new();

    private UnroutedEndpoint()
    {
    }
}
