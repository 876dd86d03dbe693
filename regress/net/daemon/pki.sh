# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Certificate authorities of our own, what they issue, revoke and answer.

staple=$top/regress/tools/staple
past=20200101000000Z
yesterday=20210101000000Z
future=20900101000000Z

# openssl_conf AUTHORITY: its configuration, in AUTHORITY.conf.  (There is
# one for each, as not every openssl(1) reads the environment in there.)
openssl_conf()
{
	cat >"$1.conf" <<-CONF
	[req]
	distinguished_name = name
	[name]
	[ca]
	default_ca = this
	[this]
	database = $1.index
	serial = $1.serial
	new_certs_dir = .
	default_md = sha256
	default_crl_days = 30
	policy = any
	unique_subject = no
	[any]
	countryName = optional
	organizationName = optional
	organizationalUnitName = optional
	commonName = optional
	emailAddress = optional
	[base]
	2.5.29.20 = DER:020105
	[changes]
	2.5.29.20 = DER:020106
	2.5.29.27 = critical,DER:020105
	[reasons]
	2.5.29.28 = critical,DER:300483020640
	CONF
}

# openssl_ca AUTHORITY ARGUMENT...
openssl_ca()
{
	_ca=$1
	shift
	openssl ca -config "$_ca.conf" -batch -notext \
	    -cert "$_ca.crt" -keyfile "$_ca.key" "$@" 2>openssl.err || {
		cat openssl.err
		atf_fail "openssl ca: $_ca: $*"
	}
}

# request NAME SUBJECT: a new key and a request for it.
request()
{
	[ -f request.conf ] || openssl_conf request
	openssl req -new -config request.conf -sha256 -newkey ec \
	    -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
	    -keyout "$1.key" -out "$1.csr" 2>openssl.err || {
		cat openssl.err
		atf_fail "openssl req: $1"
	}
	chmod 600 "$1.key"
}

# authority NAME [ISSUER [SUBJECT]]: NAME.crt, with NAME.key.
authority()
{
	openssl_conf "$1"
	: >"$1.index"
	echo 01 >"$1.serial"
	printf '%s\n' basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign,cRLSign \
	    subjectKeyIdentifier=hash >authority.ext
	request "$1" "${3:-/O=Example/CN=$1}"
	if [ -n "$2" ]; then
		openssl_ca "$2" -in "$1.csr" -days 90 \
		    -extfile authority.ext -out "$1.crt"
	else
		openssl x509 -req -sha256 -in "$1.csr" -signkey "$1.key" -days 90 \
		    -extfile authority.ext -out "$1.crt" 2>openssl.err ||
		    atf_fail "openssl x509: $1"
	fi
}

# issue AUTHORITY NAME SUBJECT [NAMES [ARGUMENT...]]: NAME.crt, NAME.key.
issue()
{
	_by=$1 _what=$2 _names=$4
	request "$2" "$3"
	[ $# -gt 4 ] && shift 4 || set -- -days 90
	{
		echo basicConstraints=CA:FALSE
		echo authorityKeyIdentifier=keyid
		[ -z "$_names" ] || echo "subjectAltName=$_names"
		[ -z "$purpose" ] || echo "extendedKeyUsage=$purpose"
	} >issue.ext
	openssl_ca "$_by" -in "$_what.csr" -preserveDN -extfile issue.ext \
	    -out "$_what.crt" "$@"
}
purpose=

revoke() { openssl_ca "$1" -revoke "$2.crt"; }

# crl AUTHORITY [ARGUMENT...]: AUTHORITY.crl, of those revoked so far.
crl()
{
	_of=$1
	shift
	openssl_ca "$_of" -gencrl -out "$_of.crl" "$@"
}

# dated_crl AUTHORITY LAST NEXT: an empty one with those dates.
dated_crl()
{
	"$top/regress/tools/crl" "$1.crt" "$1.key" "$2" "$3" >"$1.crl" ||
	    atf_fail "crl: $1"
}

# shown NAME [ARGUMENT...]: the subject of the certificate that a client who
# asks for that name ("": for none) gets from the server www.
shown()
{
	_name=$1
	shift
	if [ -n "$_name" ]; then
		set -- -servername "$_name" "$@"
	else
		set -- -noservername "$@"
	fi
	openssl s_client -connect "127.0.0.1:$port" "$@" </dev/null \
	    >s_client.out 2>s_client.err
	# As OpenSSL 3.0, 3.2 and LibreSSL print it.
	sed -n 's,^subject=/*CN *= *,,p' s_client.out
}

# receive ARGUMENT...: what a client gets from www until that says goodbye.
receive()
{
	rm -f held
	mkfifo held
	openssl s_client -quiet "$@" -connect "127.0.0.1:$port" <held \
	    2>receive.err &
	_receiver=$!
	exec 9>held
	wait $_receiver
	exec 9>&-
}

# backend NAME: answers every connection with its name; $name_port.
backend()
{
	background "$peer" -k -p "$1.port" accept 127.0.0.1:0 write "$1" \
	    shutdown drain
	wait_until 20 "backend $1" test -f "$1.port"
}
port_in() { cat "$1.port"; }

# certificate_block NAME [STATEMENT]...: for a configuration, files NAME.*
certificate_block()
{
	printf 'certificate "%s" {\n\tchain "%s"\n\tkey "%s"\n' "$1" \
	    "$PWD/$1.crt" "$PWD/$1.key"
	_block=$1
	shift
	for _s in "$@"; do
		printf '\t%s\n' "$_s"
	done
	echo '}'
}
