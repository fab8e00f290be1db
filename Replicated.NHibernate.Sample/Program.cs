using Replicated.NHibernate.Sample.Cluster;

Console.WriteLine(PostgresBinaries.Find().Folder);
