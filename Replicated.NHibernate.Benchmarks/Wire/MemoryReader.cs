using System.Collections;
using System.Data.Common;

namespace Npgsql;

/// <summary>The rows of one command or batch: one for each query.</summary>
public sealed class MemoryReader(NpgsqlConnection connection) : DbDataReader
{
    private Question[] _questions = new Question[4];
    private Question _now;
    private int _count, _next;
    private bool _isBefore, _isOn, _isClosed = true;

    public override int Depth => 0;

    public override int FieldCount => _now.Answer.Columns.Length;

    public override bool HasRows => FieldCount > 0;

    public override bool IsClosed => _isClosed;

    public override int RecordsAffected => _now.Answer.Affected;

    public override object this[int ordinal] => GetValue(ordinal);

    public override object this[string name] => GetValue(GetOrdinal(name));

    internal MemoryReader Begin(ReadOnlySpan<Question> questions)
    {
        if (!_isClosed)
        {
            throw new InvalidOperationException("A command is already in progress");
        }

        if (_questions.Length < questions.Length)
        {
            _questions = new Question[questions.Length];
        }

        questions.CopyTo(_questions);
        (_count, _next, _isClosed) = (questions.Length, 0, false);
        NextResult();
        return this;
    }

    public override bool NextResult()
    {
        while (_next < _count)
        {
            _now = _questions[_next++];
            connection.InTransaction &= !_now.Answer.Ends;
            if (_now.Answer.Columns.Length > 0)
            {
                (_isBefore, _isOn) = (true, false);
                return true;
            }
        }

        (_isBefore, _isOn) = (false, false);
        return false;
    }

    public override Task<bool> NextResultAsync(CancellationToken cancellationToken) => NextResult() ? True : False;

    public override bool Read()
    {
        (_isOn, _isBefore) = (_isBefore, false);
        return _isOn;
    }

    public override Task<bool> ReadAsync(CancellationToken cancellationToken) => Read() ? True : False;

    public override void Close()
    {
        while (_next < _count)
        {
            NextResult();
        }

        _isClosed = true;
    }

    public override Task CloseAsync()
    {
        Close();
        return Task.CompletedTask;
    }

    public override ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    public override object GetValue(int ordinal) =>
        _isOn ? _now.Answer.Columns[ordinal].Value(_now.Argument, connection.IsSlave) : throw new InvalidOperationException("No row is available");

    public override T GetFieldValue<T>(int ordinal) => (T)GetValue(ordinal);

    public override bool IsDBNull(int ordinal) => GetValue(ordinal) is DBNull;

    public override string GetName(int ordinal) => _now.Answer.Names[ordinal];

    public override int GetOrdinal(string name)
    {
        var at = Array.IndexOf(_now.Answer.Names, name);
        return at >= 0 ? at : throw new ArgumentException($"Field not found in row: {name}", nameof(name));
    }

    public override Type GetFieldType(int ordinal) => _now.Answer.Columns[ordinal].Type;

    public override string GetDataTypeName(int ordinal) => GetFieldType(ordinal).Name;

    public override int GetValues(object[] values)
    {
        var count = Math.Min(values.Length, FieldCount);
        for (var i = 0; i < count; i++)
        {
            values[i] = GetValue(i);
        }

        return count;
    }

    public override bool GetBoolean(int ordinal) => (bool)GetValue(ordinal);

    public override byte GetByte(int ordinal) => (byte)GetValue(ordinal);

    public override char GetChar(int ordinal) => (char)GetValue(ordinal);

    public override DateTime GetDateTime(int ordinal) => (DateTime)GetValue(ordinal);

    public override decimal GetDecimal(int ordinal) => (decimal)GetValue(ordinal);

    public override double GetDouble(int ordinal) => (double)GetValue(ordinal);

    public override float GetFloat(int ordinal) => (float)GetValue(ordinal);

    public override Guid GetGuid(int ordinal) => (Guid)GetValue(ordinal);

    public override short GetInt16(int ordinal) => (short)GetValue(ordinal);

    public override int GetInt32(int ordinal) => (int)GetValue(ordinal);

    public override long GetInt64(int ordinal) => (long)GetValue(ordinal);

    public override string GetString(int ordinal) => (string)GetValue(ordinal);

    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length) => throw new NotSupportedException();

    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length) => throw new NotSupportedException();

    public override IEnumerator GetEnumerator() => new DbEnumerator(this);

    protected override void Dispose(bool disposing) => Close();

    private static readonly Task<bool> True = Task.FromResult(true), False = Task.FromResult(false);
}
