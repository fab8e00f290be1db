using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Web;

/// <summary>
/// A hub method that returns a stream goes on working after it has returned: its scope lasts until the stream has ended, and is committed
/// then. Where the client goes away first, the invocation's container scope ends it.
/// </summary>
internal abstract class HubStream
{
    private static readonly ConcurrentDictionary<MethodInfo, HubStream?> Known = new();

    /// <summary>What the method streams, or null where it returns a value.</summary>
    public static HubStream? Of(MethodInfo method) => Known.GetOrAdd(method, static m =>
    {
        var type = m.ReturnType;
        if (type.IsGenericType && (type.GetGenericTypeDefinition() == typeof(Task<>) || type.GetGenericTypeDefinition() == typeof(ValueTask<>)))
        {
            type = type.GetGenericArguments()[0];
        }

        return Create(type, typeof(ChannelReader<>), typeof(OfReader<>)) ?? Create(type, typeof(IAsyncEnumerable<>), typeof(OfEnumerable<>));
    });

    /// <summary>The stream to send in the method's stream's place.</summary>
    public abstract object InScope(object stream, Scope scope);

    private static HubStream? Create(Type type, Type streamed, Type wrapper)
    {
        for (var level = type; level is not null; level = level.BaseType)
        {
            if (Array.Find([level, .. level.GetInterfaces()], t => t.IsGenericType && t.GetGenericTypeDefinition() == streamed) is { } found)
            {
                return (HubStream)Activator.CreateInstance(wrapper.MakeGenericType(found.GetGenericArguments()))!;
            }
        }

        return null;
    }

    private sealed class OfEnumerable<T> : HubStream
    {
        public override object InScope(object stream, Scope scope) => Items((IAsyncEnumerable<T>)stream, scope);

        private static async IAsyncEnumerable<T> Items(IAsyncEnumerable<T> items, Scope scope, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            // Each step of a stream runs in the context of whoever asks for it.
            scope.EnterAgain();
            await using var steps = items.GetAsyncEnumerator(cancellationToken);
            while (await steps.MoveNextAsync())
            {
                yield return steps.Current;
                scope.EnterAgain();
            }

            await scope.Commit(async: true, CancellationToken.None);
        }
    }

    private sealed class OfReader<T> : HubStream
    {
        public override object InScope(object stream, Scope scope) => new Reader((ChannelReader<T>)stream, scope);

        private sealed class Reader(ChannelReader<T> items, Scope scope) : ChannelReader<T>
        {
            public override Task Completion => items.Completion;

            public override bool TryRead([MaybeNullWhen(false)] out T item) => items.TryRead(out item);

            public override async ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
            {
                if (await items.WaitToReadAsync(cancellationToken))
                {
                    return true;
                }

                await scope.Commit(async: true, CancellationToken.None);
                return false;
            }
        }
    }
}
