using NHibernate;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What is seen through the store while the slave is behind.</summary>
internal sealed partial class SharedCacheTests
{
    [Test]
    public async Task It_hears_of_what_the_master_wrote()
    {
        var id = await NewShelf();
        await _app.On(DatabaseRole.Master, s => (s.Number(id), s.NumberQuery(id).List()));
        await _app.On(DatabaseRole.Master, s => s.Get<Shelf>(id).Number = 2);
        await _app.On(DatabaseRole.Master, s => s.NumberQuery(id).List());
        await _cluster.Slaves[0].PauseReplayAsync();
        try
        {
            await _app.On(DatabaseRole.Master, s => s.Get<Shelf>(id).Number = 3);
            Clear();
            var seen = await _app.On(DatabaseRole.Slave, s => (s.Number(id), (int)s.NumberQuery(id).UniqueResult()));
            Assert.That(seen, Is.EqualTo((3, 2)), "the entry that the master put; of the query the slave's own row, because what was cached is out of date");
            Assert.That((Slave.SecondLevelCacheHitCount, Slave.QueryCacheHitCount), Is.EqualTo((1L, 0L)));
        }
        finally
        {
            await _cluster.Slaves[0].ResumeReplayAsync();
        }
    }

    [Test]
    public async Task A_session_on_a_slave_that_is_behind_does_not_show_the_master_an_old_row([Values] bool rule, [Values] bool query)
    {
        var id = await NewShelf();
        await _app.On(DatabaseRole.Master, s => s.Number(id));
        await _cluster.Slaves[0].PauseReplayAsync();
        try
        {
            await _app.On(DatabaseRole.Master, s => s.Get<Shelf>(id).Number = 2);
            await _app.Factories.Master.EvictAsync(typeof(Shelf));
            if (rule)
            {
                using var session = _app.Factories.Slave.OpenSession();
                Assert.That(Seen(session), Is.EqualTo(1));
            }
            else
            {
                using var plain = ShelfMap.Plain(_name, _cluster.Slaves[0].ConnectionString);
                using (var session = plain.OpenSession())
                {
                    Assert.That(Seen(session), Is.EqualTo(1));
                }

                Assert.That(await _app.On(DatabaseRole.Master, Seen), Is.EqualTo(1), "with the rule switched off it is seen");
                return;
            }

            Assert.That(await _app.On(DatabaseRole.Master, Seen), Is.EqualTo(2));
        }
        finally
        {
            await _cluster.Slaves[0].ResumeReplayAsync();
        }

        int Seen(ISession session) => query ? (int)session.NumberQuery(id).UniqueResult() : session.Number(id);
    }

    [Test]
    public async Task A_cached_result_that_names_rows_which_the_slave_does_not_have_counts_as_not_cached([Values] bool async, [Values] bool batch)
    {
        var (known, fresh) = (await NewShelf(), Interlocked.Increment(ref _shelves));
        await _cluster.Slaves[0].PauseReplayAsync();
        try
        {
            await _app.On(DatabaseRole.Master, s => s.Save(new Shelf { Id = fresh, Number = 5 }));
            await _app.On(DatabaseRole.Master, s => (s.Get<Shelf>(known).Next = s.Get<Shelf>(fresh), s.Get<Shelf>(known).Number = 5));
            await _app.On(DatabaseRole.Master, async s => (await Found(s, id: known), await Found(s, id: fresh)));
            _app.Factories.Master.EvictWithoutSession(typeof(Shelf), fresh);
            Clear();
            var read = await _app.On(DatabaseRole.Slave, async s => (Absent: await Found(s, id: fresh), Old: await Found(s, id: known), Number: s.Number(known)));
            Assert.That((read.Absent.Count, read.Old.Single().Number, read.Old.Single().Next, read.Number), Is.EqualTo((0, 1, (Shelf?)null, 1)), "as the slave has it");
            Assert.That((Slave.QueryCacheHitCount, Slave.QueryCacheMissCount), Is.EqualTo((0L, 2L)));
        }
        finally
        {
            await _cluster.Slaves[0].ResumeReplayAsync();
        }

        async Task<IList<Shelf>> Found(ISession session, int id)
        {
            var query = session.CreateQuery("from Shelf s where s.Id = :id").SetInt32("id", id).SetCacheable(true);
            if (!batch)
            {
                return async ? await query.ListAsync<Shelf>() : query.List<Shelf>();
            }

            var one = session.CreateQueryBatch();
            one.Add(new global::NHibernate.Multi.QueryBatchItem<Shelf>(query));
            return async ? await one.GetResultAsync<Shelf>(0) : one.GetResult<Shelf>(0);
        }
    }

    [Test]
    public async Task An_entry_may_refer_to_a_row_that_the_slave_does_not_have()
    {
        var (known, fresh) = (await NewShelf(), Interlocked.Increment(ref _shelves));
        await _cluster.Slaves[0].PauseReplayAsync();
        try
        {
            await _app.On(DatabaseRole.Master, s => s.Save(new Shelf { Id = fresh, Number = 5 }));
            await _app.On(DatabaseRole.Master, s => s.Get<Shelf>(known).Next = s.Get<Shelf>(fresh));
            _app.Factories.Master.EvictWithoutSession(typeof(Shelf), fresh);
            await _app.On(DatabaseRole.Slave, s =>
            {
                Assert.That(() => s.Get<Shelf>(known), Throws.InstanceOf<ObjectNotFoundException>());
                s.Clear();
                return true;
            });
        }
        finally
        {
            await _cluster.Slaves[0].ResumeReplayAsync();
        }
    }
}
