FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
RUN dotnet publish Replicated.NHibernate.Sample -c Release -o /sample

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /sample
COPY --from=build /sample .
USER $APP_UID
ENTRYPOINT ["dotnet", "Replicated.NHibernate.Sample.dll"]
