using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Npgsql;

/// <summary>One statement, with parameters by name.</summary>
public sealed class MemoryCommand : DbCommand
{
    private readonly MemoryParameters _parameters = new();
    private string _text = "";

    [AllowNull]
    public override string CommandText
    {
        get => _text;
        set => _text = value ?? "";
    }

    public override int CommandTimeout { get; set; } = 30;

    public override CommandType CommandType { get; set; } = CommandType.Text;

    public override UpdateRowSource UpdatedRowSource { get; set; } = UpdateRowSource.Both;

    public override bool DesignTimeVisible { get; set; }

    protected override DbConnection? DbConnection { get; set; }

    protected override DbTransaction? DbTransaction { get; set; }

    protected override DbParameterCollection DbParameterCollection => _parameters;

    public override void Cancel()
    {
    }

    public override void Prepare()
    {
    }

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

    public override Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken) => Task.FromResult(ExecuteNonQuery());

    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken) => Task.FromResult(ExecuteScalar());

    protected override DbParameter CreateDbParameter() => new MemoryParameter();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => Run();

    protected override Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) => Task.FromResult<DbDataReader>(Run());

    private MemoryReader Run()
    {
        var connection = DbConnection as NpgsqlConnection ?? throw new InvalidOperationException("The command has no connection of this provider.");
        return connection.Run([new Question(Answer.To(_text), _parameters.FirstValue)]);
    }
}
