using System.Net.Sockets;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Mvc.ModelBinding.Metadata;
using Microsoft.Extensions.Options;
using Replicated.NHibernate;
using Replicated.NHibernate.Sample;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Sample.Hosting;
using Replicated.NHibernate.Sample.Posts;
using Replicated.NHibernate.Sample.Servers;

// The private servers start before the host listens to signals, so somebody else does from here on.
using var stop = new StopSignals();
try
{
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
    Storage.Add(builder.Services, builder.Configuration);
    await using var cluster = await PrivateCluster.StartUnlessConfiguredAsync(builder.Configuration, stop.Token);
    using var file = builder.Configuration.Database() == Database.Sqlite ? PrivateFile.CreateUnlessConfigured(builder.Configuration) : null;
    builder.Services.AddSingleton(new DemoServers(cluster));
    if (builder.Configuration.Database() == Database.Sqlite)
    {
        builder.Services.AddSingleton<SqliteServer>();
        builder.Services.AddSingleton<IServerQuestion>(sp => sp.GetRequiredService<SqliteServer>());
        builder.Services.AddHostedService(sp => sp.GetRequiredService<SqliteServer>());
    }
    else
    {
        builder.Services.AddSingleton<DatabaseServers>();
        builder.Services.AddSingleton<IServerQuestion>(sp => sp.GetRequiredService<DatabaseServers>());
        builder.Services.AddHostedService<PostsTable>();
    }

    var switches = new LiveSwitches();
    ((IConfigurationBuilder)builder.Configuration).Add(switches);
    builder.Services.AddSingleton(switches);
    if (string.IsNullOrEmpty(builder.Configuration[WebHostDefaults.ServerUrlsKey]))
    {
        builder.WebHost.UseUrls("http://127.0.0.1:5080");
    }

    builder.Services.AddSingleton(TimeProvider.System);
    builder.Services.AddSingleton<LoadMaker>();
    builder.Services.AddSingleton<PartialViews>();
    builder.Services.AddSingleton<IProblemDetailsWriter, ProblemPage>();
    builder.Services.AddProblemDetails();
    builder.Services
        .AddControllersWithViews(options =>
        {
            // A fault is named as the JSON names the field, and a body that cannot be read is one fault, not two.
            options.ModelMetadataDetailsProviders.Add(new SystemTextJsonValidationMetadataProvider());
            options.SuppressImplicitRequiredAttributeForNonNullableReferenceTypes = true;
        })
        .AddJsonOptions(options => options.AllowInputFormatterExceptionMessages = false); // they name our types

    builder.Services.AddHealthChecks().AddReplicated();
    builder.Services.Configure<KeyManagementOptions>(options => options.XmlRepository = new KeysInMemory());
    // A second copy on this host has cookies of its own.
    builder.Services.AddAntiforgery(options => options.Cookie.Name = $"board-forms-{Environment.ProcessId}");

    await using var app = builder.Build();
    app.UseExceptionHandler();
    app.UseStatusCodePages();
    app.UseRouting();
    app.UseReplicatedSessions();
    // Usually ahead of the sessions, which a file does not need; here even the style sheet says its route.
    app.UseStaticFiles();
    app.UseAuthorization();
    app.MapControllers();
    app.MapHealthChecks("/health");
    // Only on this machine; elsewhere say who may see it: .RequireAuthorization(…).
    app.MapReplicatedStatus();
    await ((IHost)app).RunAsync(stop.Token);
    return 0;
}
catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
{
    return 0;
}
catch (Exception fault) when (fault is PostgresNotFoundException or OptionsValidationException or StartUpException
    || fault is IOException { InnerException: not null } && fault.GetBaseException() is SocketException)
{
    await Console.Error.WriteLineAsync(fault.Message);
    return 1;
}
