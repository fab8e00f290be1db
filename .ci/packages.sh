# shellcheck shell=bash
# Which of the packages that some feeds lack this machine can restore. Sourced by build.sh, in the project's root.

with_nhibernate=true with_testcontainers=true

# Restores the named packages alone, in the versions of Directory.Packages.props. Prints "true"; or "false" and what is not found, where
# nothing but that is wrong; everything else is an error: a feed that does not answer says nothing about what it carries.
probe() {
  local folder=$1 status=0 output
  shift
  {
    echo '<Project>'
    echo '  <PropertyGroup><ImportDirectoryBuildProps>false</ImportDirectoryBuildProps></PropertyGroup>'
    echo '  <Import Project="Sdk.props" Sdk="Microsoft.NET.Sdk" />'
    echo '  <PropertyGroup>'
    grep -o '<TargetFramework>.*</TargetFramework>' Directory.Build.props
    echo '    <NuGetAudit>false</NuGetAudit>'
    echo '    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>'
    additional_source
    echo '  </PropertyGroup>'
    echo '  <ItemGroup><FrameworkReference Include="Microsoft.AspNetCore.App" /></ItemGroup>'
    printf '  <ItemGroup><PackageReference Include="%s" /></ItemGroup>\n' "$@"
    echo '  <Import Project="Sdk.targets" Sdk="Microsoft.NET.Sdk" />'
    echo '</Project>'
  } >"$folder/probe.csproj"

  output=$(dotnet restore "$folder/probe.csproj" --nologo -v:quiet -tl:off 2>&1) || status=$?
  if [ "$status" = 0 ]; then
    echo true
    return
  fi

  local codes
  codes=$(grep -oE '\berror [A-Z]+[0-9]+' <<<"$output" | sort -u | cut -d' ' -f2 | paste -sd' ' -)
  case " $codes " in
    ' NU1101 ' | ' NU1102 ' | ' NU1101 NU1102 ')
      echo "false $(grep -oE 'Unable to find package [^ ]+' <<<"$output" | cut -d' ' -f5 | sed 's/\.$//' | sort -u | paste -sd' ' -)"
      ;;
    *' NU1301 '*)
      grep -m 1 'NU1301' <<<"$output" | sed 's/^.*NU1301: //' >&2
      fail "A package source does not answer, so it is unknown whether it carries $*. See: dotnet nuget list source"
      ;;
    *)
      printf '%s\n' "$output" >&2
      fail "Restoring $* failed, and not because something was not found."
      ;;
  esac
}

additional_source() {
  [ -n "${REPLICATED_PACKAGES:-}" ] || return 0
  local folder
  folder=$(sed 's/;/%3B/g; s/&/\&amp;/g; s/</\&lt;/g' <<<"$REPLICATED_PACKAGES")
  # shellcheck disable=SC2016 # MSBuild's dollar, not the shell's
  printf '    <RestoreAdditionalProjectSources>$(RestoreAdditionalProjectSources);%s</RestoreAdditionalProjectSources>\n' "$folder"
}

# Sets with_nhibernate and with_testcontainers, and writes them where plain dotnet commands find them too.
find_packages() {
  [ -z "${REPLICATED_PACKAGES:-}" ] || [ -d "$REPLICATED_PACKAGES" ] || fail "REPLICATED_PACKAGES names $REPLICATED_PACKAGES, which is not a folder."
  say 'asking the package sources for NHibernate and Testcontainers'
  mkdir -p artifacts
  local folder nhibernate testcontainers status=0
  # In the project, so that a NuGet.Config above it counts as it does for the real restore.
  folder=$(mktemp -d artifacts/probe.XXXXXX)
  mkdir "$folder/a" "$folder/b"
  probe "$folder/b" Testcontainers.PostgreSql >"$folder/testcontainers" &
  nhibernate=$(probe "$folder/a" NHibernate FluentNHibernate) || status=1
  wait $! || status=1
  testcontainers=$(cat "$folder/testcontainers")
  rm -rf "$folder"
  [ "$status" = 0 ] || exit 1
  read -r with_nhibernate nhibernate <<<"$nhibernate"
  read -r with_testcontainers testcontainers <<<"$testcontainers"
  [ "$with_nhibernate" = true ] || say "built WITHOUT NHibernate: not found in the package sources: $nhibernate"
  [ "$with_testcontainers" = true ] || say "built WITHOUT Testcontainers: not found in the package sources: $testcontainers"
  write_answer
}

write_answer() {
  local file=Packages.local.props
  {
    echo '<Project>'
    echo '  <!-- Written afresh by each run of build.sh: what the package sources of this machine carry. Without this file everything is built. -->'
    echo '  <PropertyGroup>'
    echo "    <WithNHibernate>$with_nhibernate</WithNHibernate>"
    echo "    <WithTestcontainers>$with_testcontainers</WithTestcontainers>"
    additional_source
    echo '  </PropertyGroup>'
    echo '</Project>'
  } >"$file.new"
  # An equal file keeps its time: a newer one would have everything compiled again.
  if cmp -s "$file.new" "$file"; then rm "$file.new"; else mv "$file.new" "$file"; fi
}
