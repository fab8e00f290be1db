using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using Replicated.NHibernate;
using ReplicatedWeb;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddReplicatedNHibernate(() => Fluently.Configure()
    .Database(PostgreSQLConfiguration.PostgreSQL82)
    .Mappings(m => m.FluentMappings.AddFromAssemblyOf<Post>()));
builder.Services.AddControllers();
builder.Services.AddHealthChecks().AddReplicated();

var app = builder.Build();
app.UseRouting();
app.UseReplicatedSessions();
app.UseAuthorization();
app.MapControllers();
app.MapHealthChecks("/health");
if (app.Environment.IsDevelopment())
{
    // Elsewhere say who may see it: .RequireAuthorization(…).
    app.MapReplicatedStatus("/replicated");
}

app.Run();
