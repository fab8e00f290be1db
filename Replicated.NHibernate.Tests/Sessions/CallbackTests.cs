using NHibernate;
using NHibernate.Cfg;
using NHibernate.Event;
using NHibernate.Transaction;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

#pragma warning disable CS0618 // Both kinds of synchronization: applications have the obsolete one.

/// <summary>What NHibernate calls back around a commit: synchronizations, interceptors, listeners.</summary>
internal sealed class CallbackTests
{
    private static readonly AsyncLocal<List<string>?> Heard = new();

    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(configure: () =>
    {
        var configuration = Database.Configure().BuildConfiguration().SetInterceptor(new Hearing());
        configuration.AppendListeners(ListenerType.PostCommitInsert, new IPostInsertEventListener[] { new AfterCommit() });
        return configuration;
    });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Each_is_called_once_in_NHibernates_order_around_the_requests_commit([Values] bool fails)
    {
        var heard = new List<string>();
        await _app.Post(context =>
        {
            Heard.Value = heard;
            var session = context.Session();
            session.GetCurrentTransaction().RegisterSynchronization(new Old(heard));
            session.GetCurrentTransaction().RegisterSynchronization(new New(heard));
            session.Save(new Note { Name = "heard" });
            session.Flush();
            return fails ? throw new InvalidOperationException("on purpose") : Task.FromResult(SessionApp.Done());
        });
        Assert.That(string.Join("; ", heard), Is.EqualTo(fails
            ? "begun; interceptor after, True; old after False; new after False"
            : "begun; interceptor before; old before; new before async; committed Note; interceptor after, True; old after True; new after True"));
    }

    [Test]
    public async Task They_are_called_around_the_applications_own_commit_and_rollback([Values] bool commit)
    {
        var heard = new List<string>();
        (await _app.Post(context =>
        {
            Heard.Value = heard;
            using var own = context.Session().BeginTransaction();
            own.RegisterSynchronization(new New(heard));
            if (commit)
            {
                own.Commit();
            }
            else
            {
                own.Rollback();
            }

            heard.Add("ended");
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(string.Join("; ", heard.Take(heard.IndexOf("ended"))), Is.EqualTo(commit
            ? "begun; interceptor before; new before; interceptor after, True; new after True; begun"
            : "begun; interceptor after, True; new after False; begun"), "begun once more, for what comes after it");
    }

    [Test]
    public async Task What_is_written_before_the_commit_is_committed()
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(session =>
        {
            session.GetCurrentTransaction().RegisterSynchronization(new Writing(() => session.CreateSQLQuery($"insert into note values ('{Guid.NewGuid()}', '{name}')").ExecuteUpdate()));
            return null;
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test]
    public async Task A_unit_that_is_first_asked_for_before_the_commit_takes_part_in_it()
    {
        var name = Guid.NewGuid().ToString();
        await using var app = await SessionApp.StartAsync(configure: () =>
            Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.BatchSize, "20"));
        (await app.Post(context =>
        {
            context.Session().GetCurrentTransaction().RegisterSynchronization(new Writing(() => context.Stateless().Insert(new Note { Name = name })));
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test]
    public async Task An_exception_before_the_commit_rolls_back([Values("old", "new", "interceptor")] string who)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(context =>
        {
            var session = context.Session();
            session.Save(new Note { Name = name });
            session.Flush();
            var failing = new InvalidOperationException("before the commit");
            switch (who)
            {
                case "old":
                    session.GetCurrentTransaction().RegisterSynchronization(new Old([], failing));
                    break;
                case "new":
                    session.GetCurrentTransaction().RegisterSynchronization(new New([], failing));
                    break;
                default:
                    Hearing.FailsBefore = failing;
                    break;
            }

            return Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("before the commit"));
        Assert.That(await Count(name), Is.Zero);
    }

    [Test]
    public async Task An_exception_after_the_commit_changes_nothing([Values("old", "new")] string who)
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(session =>
        {
            session.Save(new Note { Name = name });
            if (who == "old")
            {
                session.GetCurrentTransaction().RegisterSynchronization(new Old([], after: new InvalidOperationException("after")));
            }
            else
            {
                session.GetCurrentTransaction().RegisterSynchronization(new New([], after: new InvalidOperationException("after")));
            }

            return null;
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test]
    public async Task A_listener_that_throws_after_the_commit_is_an_error_as_with_plain_NHibernate_and_leaves_nothing_open()
    {
        var name = Guid.NewGuid().ToString();
        var heard = new List<string>();
        var answer = await _app.Post(context =>
        {
            AfterCommit.Failing[name] = new InvalidOperationException("after the commit");
            var session = context.Session();
            session.GetCurrentTransaction().RegisterSynchronization(new Old(heard));
            context.Stateless().Get<Note>(Guid.NewGuid());
            session.Save(new Note { Name = name });
            return Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.Thrown?.InnerException?.Message, Is.EqualTo("after the commit"));
        Assert.That(await Count(name), Is.EqualTo(1), "it was committed");
        Assert.That(string.Join("; ", heard), Is.EqualTo("old before; old after True"));
        Assert.That(((Replicated.NHibernate.Nodes.NodePool)_app.Services.GetService(typeof(Replicated.NHibernate.Nodes.NodePool))!).Master.InUse, Is.Zero);
    }

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");

    private sealed class Hearing : EmptyInterceptor
    {
        private static Exception? _failsBefore;

        public static Exception? FailsBefore
        {
            set => _failsBefore = value;
        }

        public override void AfterTransactionBegin(ITransaction tx) => Heard.Value?.Add("begun");

        public override void BeforeTransactionCompletion(ITransaction tx)
        {
            Heard.Value?.Add("interceptor before");
            if (Interlocked.Exchange(ref _failsBefore, null) is { } failing)
            {
                throw failing;
            }
        }

        public override void AfterTransactionCompletion(ITransaction tx) => Heard.Value?.Add($"interceptor after, {tx is not null}");
    }

    private sealed class AfterCommit : IPostInsertEventListener
    {
        public static readonly System.Collections.Concurrent.ConcurrentDictionary<string, Exception> Failing = new(StringComparer.Ordinal);

        public void OnPostInsert(PostInsertEvent @event)
        {
            Heard.Value?.Add($"committed {@event.Entity.GetType().Name}");
            if (@event.Entity is Note note && Failing.TryRemove(note.Name, out var failing))
            {
                throw failing;
            }
        }

        public Task OnPostInsertAsync(PostInsertEvent @event, CancellationToken cancellationToken)
        {
            OnPostInsert(@event);
            return Task.CompletedTask;
        }
    }

    private sealed class Old(List<string> heard, Exception? before = null, Exception? after = null) : ISynchronization
    {
        public void BeforeCompletion() => Say(heard, "old before", before);

        public void AfterCompletion(bool success) => Say(heard, $"old after {success}", after);
    }

    private sealed class New(List<string> heard, Exception? before = null, Exception? after = null) : ITransactionCompletionSynchronization
    {
        public void ExecuteBeforeTransactionCompletion() => Say(heard, "new before", before);

        public Task ExecuteBeforeTransactionCompletionAsync(CancellationToken cancellationToken)
        {
            Say(heard, "new before async", before);
            return Task.CompletedTask;
        }

        public void ExecuteAfterTransactionCompletion(bool success) => Say(heard, $"new after {success}", after);

        public Task ExecuteAfterTransactionCompletionAsync(bool success, CancellationToken cancellationToken)
        {
            ExecuteAfterTransactionCompletion(success);
            return Task.CompletedTask;
        }
    }

    private sealed class Writing(Action write) : ISynchronization
    {
        public void BeforeCompletion() => write();

        public void AfterCompletion(bool success)
        {
        }
    }

    private static void Say(List<string> heard, string what, Exception? failing)
    {
        heard.Add(what);
        if (failing is not null)
        {
            throw failing;
        }
    }
}
