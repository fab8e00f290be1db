using Replicated.NHibernate.Positions;

namespace Replicated.NHibernate.Scopes;

/// <summary>What the scope's reads must see, and what others must see of its writes.</summary>
internal sealed partial class Scope
{
    private bool _askedOwner;
    private Mark? _mark;

    public Mark? Mark => AsksOwner();

    /// <summary>Goes up with each commit that wrote: a slave that was good enough before may not be any more.</summary>
    public int Commits { get; private set; }

    public ReadGoal Goal => (AsksOwner() is { } mark ? Services.Marks.GoalOf(mark) : ReadGoal.None) with { Client = owner.Client };

    /// <summary>A commit wrote; where the place is not known, only time can tell who has it.</summary>
    public void NoteCommit(Position? position)
    {
        if (Services.Marks.Written(position) is { } mark)
        {
            // What the client brought was written before, whatever another machine's clock said then.
            (_askedOwner, _mark, Commits) = (true, mark, Commits + 1);
            owner.Carry(mark);
        }
    }

    /// <summary>A place up to which the scope has read.</summary>
    public void NoteRead(Position position)
    {
        if (Services.Marks.Read(position) is { } mark && Replicated.NHibernate.Mark.Later(AsksOwner(), mark) is { } later)
        {
            _mark = later;
            owner.Carry(later);
        }
    }

    /// <summary>A scope that was begun within this one wrote, or read: whoever waits for this one did.</summary>
    public void NoteBeside(Mark mark)
    {
        (_mark, Commits) = (Replicated.NHibernate.Mark.Later(AsksOwner(), mark), Commits + 1);
        owner.Carry(mark);
    }

    // Only when somebody reads from a slave or writes: most requests carry no mark and need none.
    private Mark? AsksOwner()
    {
        if (!_askedOwner)
        {
            (_askedOwner, _mark) = (true, owner.Mark);
        }

        return _mark;
    }
}
