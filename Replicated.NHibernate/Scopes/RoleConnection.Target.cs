using System.Data.Common;

namespace Replicated.NHibernate.Scopes;

/// <summary>What a routed connection asks of its role.</summary>
internal sealed partial class RoleConnection
{
    public override string ConnectionString => Current?.ConnectionString ?? "";

    public override bool CanCreateBatch => _scope.Services.Pool.Provider.CanBatch;

    public override DbCommand CreateProviderCommand() => _scope.Services.Pool.Provider.CreateCommand();

    public override DbBatch CreateProviderBatch() => _scope.Services.Pool.Provider.CreateBatch();

    public override Exception Ended() => ScopeErrors.Ended(_scope.Work);

    public override Exception Refused(WriteRefusal refusal, string what, WriteLayer layer, Exception? inner = null) => refusal == WriteRefusal.Slave
        ? SlaveWriteException.Of(what, layer, this, inner)
        : WriteAfterCompletionException.Of(what, _scope.Work, inner);
}
