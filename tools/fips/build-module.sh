#!/usr/bin/env bash
# Builds OpenSSL's FIPS provider from its source and writes a configuration for Node, to try FIPS mode with (docs/fips.md).
# What it builds is NOT validated: a validated module is built and installed to the letter of its own security policy.
#   tools/fips/build-module.sh openssl-3.0.22.tar.gz FOLDER
# The source of Debian's package does: `apt-get source --download-only openssl` brings openssl_VERSION.orig.tar.gz.
set -euo pipefail
[ $# -eq 2 ] || { echo 'usage: build-module.sh SOURCE.tar.gz FOLDER' >&2; exit 64; }
source=$(realpath "$1")
mkdir -p "$2"
folder=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
tar --extract --file "$source" --strip-components 1
./Configure enable-fips no-shared no-tests no-legacy >/dev/null
make -j"$(nproc)" build_generated >/dev/null
make -j"$(nproc)" providers/fips.so apps/openssl >/dev/null
cp providers/fips.so "$folder/"
# runs the module's own self-tests, and writes down the checksum that it is loaded with
apps/openssl fipsinstall -quiet -module "$folder/fips.so" -out "$folder/fipsmodule.cnf"
cat >"$folder/openssl.cnf" <<CONF
nodejs_conf = nodejs_init
.include $folder/fipsmodule.cnf
[nodejs_init]
providers = providers
alg_section = algorithms
[providers]
fips = fips_sect
base = base_sect
[base_sect]
activate = 1
[algorithms]
default_properties = fips=yes
CONF
echo "OPENSSL_CONF=$folder/openssl.cnf OPENSSL_MODULES=$folder"
