#!/usr/bin/env bash
# Puts the page's database driver where Tomcat finds it: app/WEB-INF/lib. It is Debian's, by apt, and is not committed.
set -euo pipefail
cd "$(dirname "$0")/app/WEB-INF"
jar=lib/mariadb-java-client.jar
if [ -f "$jar" ]; then exit 0; fi
kept=${XDG_CACHE_HOME:-$HOME/.cache}/stowage-images/mariadb-java-client.jar
if [ ! -f "$kept" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  (cd "$work" && apt-get -o APT::Sandbox::User=root download -qq libmariadb-java >/dev/null && dpkg-deb -x ./*.deb root)
  mkdir -p "${kept%/*}"
  cp -L "$work/root/usr/share/java/mariadb-java-client.jar" "$kept.$$"
  mv "$kept.$$" "$kept"
fi
mkdir -p lib
cp "$kept" "$jar"
