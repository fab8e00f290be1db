using System.Collections;
using System.Collections.ObjectModel;
using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// A provider's own reader, usable as long as its scope. Providers use a reader again with the next statement of its connection, so a task
/// that outlived its request would read, and take away, another request's rows.
/// </summary>
internal sealed class RoutedReader(ConnectionTarget target, DbDataReader inner, string sql) : DbDataReader, IDbColumnSchemaGenerator
{
    private readonly DbDataReader _inner = inner;
    private bool _isClosed;

    public override int Depth => Live.Depth;

    public override int FieldCount => Live.FieldCount;

    public override bool HasRows => Live.HasRows;

    public override bool IsClosed => _isClosed || target.IsOver || _inner.IsClosed;

    public override int RecordsAffected => Live.RecordsAffected;

    public override int VisibleFieldCount => Live.VisibleFieldCount;

    private DbDataReader Live => target.IsOver ? throw target.Ended() : _inner;

    public override object this[int ordinal] => Live[ordinal];

    public override object this[string name] => Live[name];

    public override bool Read() => Moved(static r => r._inner.Read());

    public override Task<bool> ReadAsync(CancellationToken cancellationToken) => MovedAsync(static (r, ct) => r._inner.ReadAsync(ct), cancellationToken);

    public override bool NextResult() => Moved(static r => r._inner.NextResult());

    public override Task<bool> NextResultAsync(CancellationToken cancellationToken) => MovedAsync(static (r, ct) => r._inner.NextResultAsync(ct), cancellationToken);

    public override void Close()
    {
        if (Closes())
        {
            Moved(static r =>
            {
                r.ReadToTheEnd();
                r._inner.Close();
                return true;
            });
        }
    }

    public override Task CloseAsync() => !Closes() ? Task.CompletedTask : MovedAsync(
        static async (r, _) =>
        {
            r.ReadToTheEnd();
            await r._inner.CloseAsync();
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
        var closes = !_isClosed && !target.IsOver;
        _isClosed = true;
        return closes;
    }

    private bool Moved(Func<RoutedReader, bool> move)
    {
        using var running = new RunningOperation(target);
        try
        {
            return move(this);
        }
        catch (Exception e)
        {
            target.Failed(e, sql);
            throw;
        }
    }

    private async Task<bool> MovedAsync(Func<RoutedReader, CancellationToken, Task<bool>> move, CancellationToken cancellationToken)
    {
        using var running = new RunningOperation(target);
        try
        {
            return await move(this, cancellationToken);
        }
        catch (Exception e)
        {
            target.Failed(e, sql);
            throw;
        }
    }

    // What the database refuses in a later statement of one text is not heard of by those who read the first one's rows, and NHibernate swallows what closing throws.
    private void ReadToTheEnd()
    {
        if (target.Refusal is null || _inner.IsClosed || !target.Dialect.Classify(sql).HasSeveralStatements)
        {
            return;
        }

        try
        {
            while (_inner.NextResult())
            {
            }
        }
        catch (Exception e)
        {
            var said = target.Translated(e, sql) ?? e;
            target.NoteLoss(said);
            throw said.Rethrown();
        }
    }
}
