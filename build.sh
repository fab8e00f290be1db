#!/usr/bin/env bash
# Builds, tests, measures, packs and runs everything here: ./build.sh help
set -euo pipefail

# A folder given relative to where the caller stands, before this script goes to the root of the project.
if [ -n "${REPLICATED_PACKAGES:-}" ] && [ -d "$REPLICATED_PACKAGES" ]; then
  REPLICATED_PACKAGES=$(cd -- "$REPLICATED_PACKAGES" && pwd)
fi
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
export REPLICATED_PACKAGES
# shellcheck source=.ci/suite.sh
. .ci/suite.sh

help() {
  cat <<'TEXT'
./build.sh sample [arguments]    runs the message board on a PostgreSQL primary and two slaves of its own: http://127.0.0.1:5080;
                                 'sample --database sqlite' on one file, without any server
./build.sh test [arguments]      builds everything and runs the tests; arguments go to dotnet test, e.g. --filter Name~Commit
./build.sh torture [seconds] [seed]  clients, and servers that are killed, stopped, cut and hung meanwhile: what was promised must hold (60 seconds, a seed by chance); --soak: 180 seconds
                                 of steady load, and whether memory and handles grow
./build.sh bench [arguments]     runs the benchmarks; 'bench request' what a request costs beside one written by hand, --full with more rounds
./build.sh pack                  packs the library into artifacts/
./build.sh evidence              runs the tests and writes what they said into docs/evidence.md

REPLICATED_PACKAGES=/folder      adds a folder of .nupkg files as a package source, for a feed that lacks some
REPLICATED_UPDATE_LISTS=1        lets the tests rewrite the committed lists: the public surface, the tests that need NHibernate
REPLICATED_PG_IMAGE=image        the PostgreSQL image of the tests on containers (postgres:17); they are skipped where no engine answers
REPLICATED_MARIADB_BIN=/folder   where mariadbd and mariadb-install-db are, for the tests on MariaDB; they are skipped where there are none
CI=true                          missing prerequisites, a container engine excepted, fail instead of being skipped
TEXT
}

case ${1:-help} in
  sample | bench)
    project=Replicated.NHibernate.Sample configuration=Debug
    [ "$1" = sample ] || project=Replicated.NHibernate.Benchmarks configuration=Release
    shift
    require_sdk
    require_writable
    case " $* " in
      *' --database sqlite '* | *' --database=sqlite '*) ;;
      *) [ -n "${ConnectionStrings__Master:-}" ] || require_postgres ;;
    esac
    find_packages
    say "building $project"
    saying_it_goes_on dotnet build "$project" -c "$configuration" --nologo -v:minimal -tl:off
    give_back
    # As it is written for dotnet run.
    [ "${1:-}" != -- ] || shift
    # In place of this shell, so that a signal reaches it.
    exec dotnet run --no-build -c "$configuration" --project "$project" -- "$@"
    ;;
  test)
    shift
    run_suite "$@"
    ;;
  torture)
    shift
    REPLICATED_TORTURE_TEST=Promises REPLICATED_TORTURE_SECONDS=60
    if [ "${1:-}" = --soak ]; then
      REPLICATED_TORTURE_TEST=Soak REPLICATED_TORTURE_SECONDS=180
      shift
    fi
    REPLICATED_TORTURE_SECONDS=${1:-$REPLICATED_TORTURE_SECONDS}
    REPLICATED_TORTURE_SEED=${2:-$RANDOM}
    export REPLICATED_TORTURE_SECONDS REPLICATED_TORTURE_SEED
    run_suite --logger 'console;verbosity=detailed' --filter "FullyQualifiedName~Torture.TortureTests.$REPLICATED_TORTURE_TEST"
    ;;
  evidence)
    REPLICATED_EVIDENCE=${REPLICATED_EVIDENCE:-docs/evidence.md} run_suite
    ;;
  pack)
    require_sdk
    require_writable
    find_packages
    [ "$with_nhibernate" = true ] || fail "This machine's package sources do not carry NHibernate, and a build without it is not a package."
    dotnet pack Replicated.NHibernate -c Release -o artifacts --nologo -tl:off
    give_back
    ;;
  help | -h | --help) help ;;
  *)
    help >&2
    fail "There is no command '$1'."
    ;;
esac
