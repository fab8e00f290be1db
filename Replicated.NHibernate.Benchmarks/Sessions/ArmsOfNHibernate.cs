namespace Replicated.NHibernate.Benchmarks;

internal sealed partial record Arm
{
    static partial void AddNHibernate(List<Arm> all) => all.AddRange(
    [
        new("hand-written", "", (builder, master, slave) => HandWritten.Register(builder.Services, master, slave)),
        new("hand-written, prepared", Prepared, (builder, master, slave) => HandWritten.Register(builder.Services, master, slave)),
        new("routed", "", Routed, static app => app.UseReplicatedSessions()),
        new("routed, not prepared", ";Max Auto Prepare=0", Routed, static app => app.UseReplicatedSessions()),
        new("routed, 100 status pages", "", Routed, static app => { app.UseReplicatedSessions(); app.MapReplicatedStatus(); }, Pages: 100),
    ]);

    private static void Routed(WebApplicationBuilder builder, string master, string slave)
    {
        builder.Configuration["ConnectionStrings:Master"] = master;
        builder.Configuration["ConnectionStrings:Slave"] = slave;
        builder.Services.AddReplicatedNHibernate(Model.Configure);
        builder.Services.AddController<PostsController>();
    }
}
