using System.Collections;
using System.Collections.ObjectModel;
using System.Data;
using System.Data.Common;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// A provider's own reader, usable as long as its scope. Providers use a reader again with the next statement of its connection, so a task
/// that outlived its request would read, and take away, another request's rows.
/// </summary>
internal sealed class RoutedReader(RoleConnection role, DbDataReader inner) : DbDataReader, IDbColumnSchemaGenerator
{
    private bool _isClosed;

    /// <summary>The provider's reader, or NHibernate's around it.</summary>
    public DbDataReader Inner => inner;

    public override int Depth => Live.Depth;

    public override int FieldCount => Live.FieldCount;

    public override bool HasRows => Live.HasRows;

    public override bool IsClosed => _isClosed || role.IsOver || inner.IsClosed;

    public override int RecordsAffected => Live.RecordsAffected;

    public override int VisibleFieldCount => Live.VisibleFieldCount;

    private DbDataReader Live => role.IsOver ? throw ScopeErrors.Ended(role.Scope.Work) : inner;

    public override object this[int ordinal] => Live[ordinal];

    public override object this[string name] => Live[name];

    public override bool Read() => Moved(static r => r.Read());

    public override Task<bool> ReadAsync(CancellationToken cancellationToken) => MovedAsync(static (r, ct) => r.ReadAsync(ct), cancellationToken);

    public override bool NextResult() => Moved(static r => r.NextResult());

    public override Task<bool> NextResultAsync(CancellationToken cancellationToken) => MovedAsync(static (r, ct) => r.NextResultAsync(ct), cancellationToken);

    public override void Close()
    {
        if (Closes())
        {
            Moved(static r =>
            {
                r.Close();
                return true;
            });
        }
    }

    public override Task CloseAsync() => !Closes() ? Task.CompletedTask : MovedAsync(
        static async (r, _) =>
        {
            await r.CloseAsync();
            return true;
        },
        CancellationToken.None);

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await base.DisposeAsync();
    }

    public override bool GetBoolean(int ordinal) => Live.GetBoolean(ordinal);

    public override byte GetByte(int ordinal) => Live.GetByte(ordinal);

    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length) =>
        Live.GetBytes(ordinal, dataOffset, buffer, bufferOffset, length);

    public override char GetChar(int ordinal) => Live.GetChar(ordinal);

    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length) =>
        Live.GetChars(ordinal, dataOffset, buffer, bufferOffset, length);

    public override string GetDataTypeName(int ordinal) => Live.GetDataTypeName(ordinal);

    public override DateTime GetDateTime(int ordinal) => Live.GetDateTime(ordinal);

    public override decimal GetDecimal(int ordinal) => Live.GetDecimal(ordinal);

    public override double GetDouble(int ordinal) => Live.GetDouble(ordinal);

    public override IEnumerator GetEnumerator() => new DbEnumerator(this);

    public override Type GetFieldType(int ordinal) => Live.GetFieldType(ordinal);

    public override T GetFieldValue<T>(int ordinal) => Live.GetFieldValue<T>(ordinal);

    public override Task<T> GetFieldValueAsync<T>(int ordinal, CancellationToken cancellationToken) => Live.GetFieldValueAsync<T>(ordinal, cancellationToken);

    public override float GetFloat(int ordinal) => Live.GetFloat(ordinal);

    public override Guid GetGuid(int ordinal) => Live.GetGuid(ordinal);

    public override short GetInt16(int ordinal) => Live.GetInt16(ordinal);

    public override int GetInt32(int ordinal) => Live.GetInt32(ordinal);

    public override long GetInt64(int ordinal) => Live.GetInt64(ordinal);

    public override string GetName(int ordinal) => Live.GetName(ordinal);

    public override int GetOrdinal(string name) => Live.GetOrdinal(name);

    public override Type GetProviderSpecificFieldType(int ordinal) => Live.GetProviderSpecificFieldType(ordinal);

    public override object GetProviderSpecificValue(int ordinal) => Live.GetProviderSpecificValue(ordinal);

    public override int GetProviderSpecificValues(object[] values) => Live.GetProviderSpecificValues(values);

    public override DataTable? GetSchemaTable() => Live.GetSchemaTable();

    public ReadOnlyCollection<DbColumn> GetColumnSchema() => Live.GetColumnSchema();

    public override Stream GetStream(int ordinal) => Live.GetStream(ordinal);

    public override string GetString(int ordinal) => Live.GetString(ordinal);

    public override TextReader GetTextReader(int ordinal) => Live.GetTextReader(ordinal);

    public override object GetValue(int ordinal) => Live.GetValue(ordinal);

    public override int GetValues(object[] values) => Live.GetValues(values);

    public override bool IsDBNull(int ordinal) => Live.IsDBNull(ordinal);

    public override Task<bool> IsDBNullAsync(int ordinal, CancellationToken cancellationToken) => Live.IsDBNullAsync(ordinal, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Close();
        }

        base.Dispose(disposing);
    }

    // Once: closed a second time, it would close the next statement's. The scope's end has closed it already.
    private bool Closes()
    {
        var closes = !_isClosed && !role.IsOver;
        _isClosed = true;
        return closes;
    }

    private bool Moved(Func<DbDataReader, bool> move)
    {
        role.Starts();
        try
        {
            return move(inner);
        }
        finally
        {
            role.Stops();
        }
    }

    private async Task<bool> MovedAsync(Func<DbDataReader, CancellationToken, Task<bool>> move, CancellationToken cancellationToken)
    {
        role.Starts();
        try
        {
            return await move(inner, cancellationToken);
        }
        finally
        {
            role.Stops();
        }
    }
}
