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

    public ReadGoal Goal => AsksOwner() is { } mark ? Services.Marks.GoalOf(mark) : ReadGoal.None;

    /// <summary>A commit wrote; where the place is not known, only time can tell who has it.</summary>
    public void NoteCommit(Position? position)
    {
        if (Services.Marks.Written(position) is { } mark)
        {
            var later = Replicated.NHibernate.Mark.Later(AsksOwner(), mark) ?? mark;
            (_mark, Commits) = (later, Commits + 1);
            owner.Written(later);
        }
    }

    /// <summary>A scope that was begun within this one wrote: who waits for this one's answer wrote.</summary>
    public void NoteCommitBeside(Mark mark)
    {
        (_mark, Commits) = (Replicated.NHibernate.Mark.Later(AsksOwner(), mark), Commits + 1);
        owner.Written(mark);
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
