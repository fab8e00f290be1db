# shellcheck shell=bash
# Building and running the tests, and adding up what they said. Sourced by build.sh and .ci/run, in the project's root.

# shellcheck source=.ci/machine.sh
. .ci/machine.sh
# shellcheck source=.ci/packages.sh
. .ci/packages.sh

needing_nhibernate() { grep -cvE '^(#|$)' Replicated.NHibernate.Tests/needs-nhibernate.txt || true; }

# Passed, failed and skipped in all of a folder's TRX files; the counters in their heads leave some of the skipped ones out.
add_up() {
  find "$1" -name '*.trx' -exec cat {} + 2>/dev/null | grep -oE '<UnitTestResult [^>]*outcome="[A-Za-z]+"' | awk '
    { sub(/.*outcome="/, ""); sub(/"/, "") }
    $0 == "Passed" { passed++; next }
    $0 == "Failed" || $0 == "Error" || $0 == "Timeout" || $0 == "Aborted" { failed++; next }
    { skipped++ }
    END { print passed + 0, failed + 0, skipped + 0 }'
}

print_totals() { echo "$1 passed, $2 failed, $3 skipped"; }

# Arguments go to dotnet test, those that change the build to dotnet build too.
run_suite() {
  local build=(-tl:off --nologo) test=(-tl:off --nologo) filtered=false reduced='' variant=full
  while [ $# -gt 0 ]; do
    case $1 in
      -c | --configuration | --artifacts-path)
        build+=("$1" "${2:?$1 wants a value}")
        test+=("$1" "$2")
        shift
        ;;
      -p:* | --property:*)
        build+=("$1") test+=("$1")
        case $1 in *:WithNHibernate=false) variant=without-nhibernate ;; esac
        ;;
      --)
        test+=("$@")
        break
        ;;
      *)
        case $1 in --filter*) filtered=true ;; esac
        test+=("$1")
        ;;
    esac
    shift
  done
  if [ "$variant" != full ]; then
    # An output of its own, so that neither variant compiles the other's files again.
    build+=(--artifacts-path "$PWD/artifacts/$variant") test=(--artifacts-path "$PWD/artifacts/$variant" "${test[@]}")
  fi

  require_sdk
  require_writable
  require_postgres
  see_to_mariadb
  see_to_chromium
  find_packages
  if [ "$with_nhibernate" = false ] || [ "$variant" != full ]; then reduced=true; fi
  [ -z "${REPLICATED_EVIDENCE:-}" ] || gather_evidence "$reduced" "$filtered"

  local results=$PWD/artifacts/results/$variant status=0 passed failed skipped
  rm -rf "$results"
  mkdir -p "$results"
  say "building${reduced:+ WITHOUT NHibernate}"
  if ! dotnet build Replicated.sln -v:minimal "${build[@]}" 2>&1 | tee "$results/build.log"; then
    say 'the build failed'
    status=1
  else
    if grep -E '(^|: )warning( [A-Za-z]+[0-9]+)? ?:' "$results/build.log" >"$results/warnings"; then
      echo "THE BUILD WARNS: $(sort -u "$results/warnings" | wc -l) warnings, see above"
      status=1
    fi
    say "testing${reduced:+ WITHOUT NHibernate}"
    dotnet test Replicated.sln --no-build --logger trx --results-directory "$results" "${test[@]}" || status=1
  fi
  give_back

  read -r passed failed skipped < <(add_up "$results")
  if [ "$status" = 1 ] && [ "$failed" = 0 ] && [ $((passed + skipped)) != 0 ]; then
    echo 'NOT GREEN although no test failed: the build warned, or a fixture failed outside its tests, or the runner itself; see above'
  fi
  if [ $((passed + failed)) = 0 ]; then
    echo 'NO TEST RAN'
    status=1
  fi
  if [ -n "$reduced" ] && [ "$filtered" = false ]; then
    echo "NOT RUN: $(needing_nhibernate) tests need NHibernate"
    skipped=$((skipped + $(needing_nhibernate)))
  fi
  print_totals "$passed" "$failed" "$skipped"
  [ "$status" = 0 ] && [ "$failed" = 0 ] || exit 1
}

# What the page says of the machine; the tests write it when all of them have run.
gather_evidence() {
  [ -z "$1" ] || fail 'Evidence is written by a build with NHibernate.'
  [ "$2" = false ] || fail 'Evidence is written by the whole suite: leave --filter away.'
  case $REPLICATED_EVIDENCE in /*) ;; *) REPLICATED_EVIDENCE=$PWD/$REPLICATED_EVIDENCE ;; esac
  mkdir -p "$(dirname "$REPLICATED_EVIDENCE")"
  local git=(git -c safe.directory='*') commit
  commit=$("${git[@]}" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
  [ -z "$("${git[@]}" status --porcelain -- . ':!docs/evidence.md' 2>/dev/null)" ] || commit="$commit and uncommitted changes"
  export REPLICATED_EVIDENCE REPLICATED_COMMIT=$commit REPLICATED_POSTGRES_VERSION=$postgres_version
}
