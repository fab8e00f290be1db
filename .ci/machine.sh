# shellcheck shell=bash
# What the machine must have: the SDK, PostgreSQL's programs, a browser. Sourced by build.sh, in the project's root.

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_UI_LANGUAGE=en
# No build server stays behind holding the caller's pipe open.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0

postgres_version=''

say() { printf '==> %s\n' "$*"; }

fail() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

# A line every five seconds while a command says nothing by itself, so that nobody takes it for stuck.
saying_it_goes_on() {
  local began=$SECONDS status=0 command ticker
  "$@" &
  command=$!
  while sleep 5; do say "still at it, $((SECONDS - began)) s"; done &
  ticker=$!
  wait "$command" || status=$?
  kill "$ticker" 2>/dev/null
  wait "$ticker" 2>/dev/null || true
  return "$status"
}

is_root() { [ "$(id -u)" = 0 ]; }

is_debian() { command -v apt-get >/dev/null && [ -r /etc/debian_version ]; }

# Through su and runuser the home folder may still be another user's, and dotnet keeps its packages there.
settle_home() {
  [ -w "${HOME:-/nonexistent}" ] && return
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
  if [ ! -w "${HOME:-/nonexistent}" ]; then
    HOME=${TMPDIR:-/tmp}/replicated-home-$(id -u)
    mkdir -m 700 "$HOME" 2>/dev/null || true
    [ -O "$HOME" ] || fail "$HOME belongs to someone else; set HOME to a folder of your own."
  fi
  export HOME
}

require_sdk() {
  settle_home
  local folder
  for folder in "${DOTNET_ROOT:-}" "$HOME/.dotnet" /usr/share/dotnet /usr/lib/dotnet /usr/local/share/dotnet; do
    command -v dotnet >/dev/null && break
    [ -x "$folder/dotnet" ] && export DOTNET_ROOT=$folder PATH=$folder:$PATH
  done
  local remedy='Install it as https://dotnet.microsoft.com/download/dotnet/10.0 says.' answer status=0 sdks
  command -v dotnet >/dev/null || fail "The .NET 10 SDK is missing. $remedy"
  answer=$(dotnet --version 2>&1) || status=$?
  case $status:$answer in
    0:*) ;;
    *ICU*)
      # Nothing here needs the culture data that a small system lacks.
      export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
      answer=$(dotnet --version)
      ;;
    *'SDK was not found'* | *'SDKs were found'*)
      sdks=$(dotnet --list-sdks | cut -d' ' -f1 | paste -sd' ' -)
      fail "This needs the .NET SDK $(grep -oE '"version": "[0-9.]+' global.json | cut -d'"' -f4) or a later 10.0; dotnet has: ${sdks:-none}. $remedy"
      ;;
    *) fail "dotnet does not start: $answer" ;;
  esac
  say ".NET SDK $answer"
}

# bin, obj and artifacts are written beside the sources.
require_writable() {
  local path
  for path in . artifacts Packages.local.props ./*/bin ./*/obj; do
    if [ -e "$path" ] && [ ! -w "$path" ]; then
      fail "$(id -un) cannot write to $PWD/${path#./} of $(stat -c %U "$path"): build as that user, or in a clone of your own."
    fi
  done
}

# What root builds in another user's clone is that user's, who could not build there again otherwise.
give_back() {
  if is_root && [ "$(stat -c %u . 2>/dev/null || echo 0)" != 0 ]; then
    local path
    for path in artifacts Packages.local.props docs ./*/bin ./*/obj; do
      [ ! -e "$path" ] || chown -Rh --reference=. "$path"
    done
  fi
}

# Where the sample's cluster finds PostgreSQL's programs, in the same order: the folder that is named, the PATH, the usual places.
postgres_folder() {
  local folder
  while read -r folder; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && [ -x "$folder/pg_basebackup" ]; then
      printf '%s\n' "$folder"
      return
    fi
  done < <(
    if [ -n "${REPLICATED_PG_BIN:-}" ]; then
      printf '%s\n' "$REPLICATED_PG_BIN"
    else
      dirname "$(readlink -f "$(command -v postgres)" 2>/dev/null)" 2>/dev/null
      find /usr/lib/postgresql /usr/pgsql-* /opt/homebrew/opt/postgresql* -maxdepth 2 -type d -name bin 2>/dev/null | sort -Vr
    fi
  )
}

require_postgres() {
  local folder
  folder=$(postgres_folder)
  if [ -z "$folder" ]; then
    [ -z "${REPLICATED_PG_BIN:-}" ] || fail "REPLICATED_PG_BIN is $REPLICATED_PG_BIN, which lacks initdb, postgres or pg_basebackup."
    if is_root && is_debian; then
      install_postgres || true
      folder=$(postgres_folder)
    fi
    [ -n "$folder" ] || fail "PostgreSQL's programs are missing (initdb, postgres, pg_basebackup). Run: $(postgres_command)"
  fi
  postgres_version=$("$folder/postgres" --version)
  say "$postgres_version in $folder"
}

postgres_command() {
  if is_debian; then
    echo 'sudo apt-get install -y postgresql'
  elif command -v dnf >/dev/null; then
    echo 'sudo dnf install -y postgresql-server'
  else
    echo 'brew install postgresql@17'
  fi
}

# Only the programs are wanted: the package would also create a cluster and start a server on port 5432.
install_postgres() {
  say 'installing the package postgresql, without a cluster of its own'
  apt_install postgresql-common || return 1
  local settings=/etc/postgresql-common/createcluster.conf status=0
  cp -p "$settings" "$settings.before-replicated"
  echo 'create_main_cluster = false' >>"$settings"
  apt_install postgresql || status=$?
  mv "$settings.before-replicated" "$settings"
  return "$status"
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  local log
  log=$(mktemp)
  # A list that cannot be had now does no harm where an older one still names the packages.
  if ! { apt-get update && apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1 &&
    ! apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1; then
    cat "$log" >&2
    rm "$log"
    return 1
  fi
  rm "$log"
}

# Only the programs are wanted: the package starts no service.
see_to_mariadb() {
  local folder
  for folder in "${REPLICATED_MARIADB_BIN:-/usr/sbin}" /usr/bin /usr/local/sbin /usr/local/bin /usr/libexec /opt/homebrew/bin; do
    if [ -x "$folder/mariadbd" ]; then
      say "$("$folder/mariadbd" --version)"
      return
    fi
  done
  if is_root && is_debian; then
    say 'installing the package mariadb-server-core for the tests on MariaDB'
    apt_install mariadb-server-core || true
  else
    say "MariaDB's server is missing; its tests $([ "${CI:-}" = true ] && echo fail || echo 'are skipped'). Remedy: sudo apt-get install -y mariadb-server-core"
  fi
}

see_to_chromium() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable microsoft-edge microsoft-edge-stable; do
    command -v "$name" >/dev/null && return
  done
  # On Ubuntu the package of that name is a snap, which no container starts.
  if [ "${CI:-}" = true ] && is_root && grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
    say 'installing the package chromium for the browser tests'
    apt_install chromium || true
  else
    local command='sudo apt-get install -y chromium'
    grep -qx 'ID=debian' /etc/os-release 2>/dev/null || command='install Chromium or Chrome so that it is on the PATH'
    say "Chromium is missing; the browser tests $([ "${CI:-}" = true ] && echo fail || echo 'are skipped'). Remedy: $command"
  fi
}
