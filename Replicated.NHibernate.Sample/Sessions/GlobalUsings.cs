// ASP.NET Core has an ISession too.
global using ISession = NHibernate.ISession;
