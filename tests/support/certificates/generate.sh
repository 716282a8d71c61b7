#!/bin/sh
# Makes new certificates for the TLS tests. This script needs OpenSSL 3.
# The keys are public, because they protect only the tests. Most certificates are valid until 2120.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
for key in "$work/ca.key" key.pem; do
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key"
done
: > "$work/index"
cat > "$work/config" <<END
[ca]
default_ca = tests
[tests]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[here]
subjectAltName = DNS:localhost,IP:127.0.0.1
[elsewhere]
subjectAltName = DNS:elsewhere.example
END

# sign NAME KEY SUBJECT EXTENSIONS FIRST_YEAR LAST_YEAR SIGNER…
sign() {
    name=$1 key=$2 subject=$3 extensions=$4 first=$5 last=$6
    shift 6
    openssl req -new -key "$key" -subj "/CN=$subject" -out "$work/request"
    openssl ca -config "$work/config" -batch -notext -in "$work/request" -out "$name.pem" -extensions "$extensions" \
        -startdate "${first}0101000000Z" -enddate "${last}0101000000Z" "$@"
}
sign ca "$work/ca.key" "CA of the tests" root 2020 2120 -selfsign -keyfile "$work/ca.key"
set -- -cert ca.pem -keyfile "$work/ca.key"
sign here key.pem localhost here 2020 2120 "$@"
sign expired key.pem localhost here 2020 2021 "$@"
sign future key.pem localhost here 2110 2120 "$@"
sign elsewhere key.pem elsewhere.example elsewhere 2020 2120 "$@"
sign self-signed key.pem localhost here 2020 2120 -selfsign -keyfile key.pem
chmod 644 key.pem
