using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Load;

/// <summary>The MVC half of the load: each action does its work, or fails on purpose where its name says.</summary>
[Route("mvc")]
public sealed class LoadController(IServiceProvider services) : ControllerBase
{
    private readonly IBoard _board = services.GetRequiredService<IBoard>();

    [HttpGet("read")]
    public async Task<IActionResult> Read() => Ok((await _board.WhereAsync()).InRecovery);

    [HttpGet("read-and-fail-in-the-result")]
    public async Task<IActionResult> ReadAndFailInTheResult()
    {
        await _board.WhereAsync();
        return new FailingResult();
    }

    [HttpPost("write/{id:guid}")]
    public async Task<IActionResult> Write(Guid id)
    {
        await _board.AddAsync(id, LoadRun.Title);
        return Created($"/{id}", id);
    }

    [HttpPost("fail-before/{id:guid}")]
    public async Task<IActionResult> FailBefore(Guid id)
    {
        await Task.FromException(new LoadException());
        await _board.AddAsync(id, LoadRun.Title);
        return Created($"/{id}", id);
    }

    [HttpPost("fail-during/{id:guid}")]
    public async Task<IActionResult> FailDuring(Guid id)
    {
        await _board.AddAsync(id, LoadRun.Title);
        await _board.ExecuteAsync("insert into no_such_table values (1)");
        return Created($"/{id}", id);
    }

    [HttpPost("fail-after/{id:guid}")]
    public async Task<IActionResult> FailAfter(Guid id)
    {
        await _board.AddAsync(id, LoadRun.Title);
        await _board.ScalarAsync("select count(*) from post where false");
        throw new LoadException();
    }

    [HttpPost("fail-in-the-result/{id:guid}")]
    public async Task<IActionResult> FailInTheResult(Guid id)
    {
        await _board.AddAsync(id, LoadRun.Title);
        return new FailingResult();
    }

    private sealed class FailingResult : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context) => throw new LoadException();
    }
}

public sealed class LoadException() : Exception("on purpose");
