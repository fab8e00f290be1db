using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Npgsql;

/// <summary>Several statements in what would be one round trip.</summary>
public sealed class MemoryBatch : DbBatch
{
    private readonly MemoryBatchCommands _commands = new();

    public override int Timeout { get; set; } = 30;

    protected override DbBatchCommandCollection DbBatchCommands => _commands;

    protected override DbConnection? DbConnection { get; set; }

    protected override DbTransaction? DbTransaction { get; set; }

    public override void Cancel()
    {
    }

    public override void Prepare()
    {
    }

    public override Task PrepareAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public override int ExecuteNonQuery()
    {
        using var reader = Run();
        return reader.RecordsAffected;
    }

    public override object? ExecuteScalar()
    {
        using var reader = Run();
        return reader.Read() ? reader.GetValue(0) : null;
    }

    public override Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken = default) => Task.FromResult(ExecuteNonQuery());

    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken = default) => Task.FromResult(ExecuteScalar());

    protected override DbBatchCommand CreateDbBatchCommand() => new MemoryBatchCommand();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => Run();

    protected override Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) => Task.FromResult<DbDataReader>(Run());

    private MemoryReader Run()
    {
        var connection = DbConnection as NpgsqlConnection ?? throw new InvalidOperationException("The batch has no connection of this provider.");
        Span<Question> questions = new Question[_commands.Count];
        for (var i = 0; i < questions.Length; i++)
        {
            var command = _commands.Of(i);
            questions[i] = new Question(Answer.To(command.CommandText), command.FirstValue);
        }

        return connection.Run(questions);
    }
}

public sealed class MemoryBatchCommand : DbBatchCommand
{
    private MemoryParameters? _parameters;
    private string _text = "";

    [AllowNull]
    public override string CommandText
    {
        get => _text;
        set => _text = value ?? "";
    }

    public override CommandType CommandType { get; set; } = CommandType.Text;

    public override int RecordsAffected => 0;

    public override bool CanCreateParameter => true;

    protected override DbParameterCollection DbParameterCollection => _parameters ??= new MemoryParameters();

    internal object? FirstValue => _parameters?.FirstValue;

    public override DbParameter CreateParameter() => new MemoryParameter();
}

internal sealed class MemoryBatchCommands : DbBatchCommandCollection
{
    private readonly List<DbBatchCommand> _list = [];

    public override int Count => _list.Count;

    public override bool IsReadOnly => false;

    public MemoryBatchCommand Of(int index) => (MemoryBatchCommand)_list[index];

    public override void Add(DbBatchCommand item) => _list.Add(item);

    public override void Clear() => _list.Clear();

    public override bool Contains(DbBatchCommand item) => _list.Contains(item);

    public override void CopyTo(DbBatchCommand[] array, int arrayIndex) => _list.CopyTo(array, arrayIndex);

    public override IEnumerator<DbBatchCommand> GetEnumerator() => _list.GetEnumerator();

    public override int IndexOf(DbBatchCommand item) => _list.IndexOf(item);

    public override void Insert(int index, DbBatchCommand item) => _list.Insert(index, item);

    public override bool Remove(DbBatchCommand item) => _list.Remove(item);

    public override void RemoveAt(int index) => _list.RemoveAt(index);

    protected override DbBatchCommand GetBatchCommand(int index) => _list[index];

    protected override void SetBatchCommand(int index, DbBatchCommand batchCommand) => _list[index] = batchCommand;
}
