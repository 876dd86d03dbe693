# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# What the tests of client blocks share: plain from here, TLS to a far end.

. "$(atf_get_srcdir)/common.sh"

openssl_does()
{
	openssl "$@" >openssl.out 2>&1 || {
		cat openssl.out
		atf_fail "openssl $1 failed"
	}
}

new_key()
{
	_curve="-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
	[ "${2:-ec}" = ec ] || _curve="-algorithm RSA"
	# shellcheck disable=SC2086
	(umask 077; openssl_does genpkey $_curve -out "$1.key") || exit 1
}

# authority NAME: NAME.crt and NAME.key.
authority()
{
	new_key "$1"
	authority_conf >authority.conf
	openssl_does req -new -x509 -sha256 -config authority.conf -key "$1.key" \
	    -days 90 -subj "/O=Example/CN=$1" -out "$1.crt"
}

# issue AUTHORITY NAME SANS [KEY [FROM TO]]: NAME.crt and NAME.key.
issue()
{
	new_key "$2" "${4:-ec}"
	openssl_does req -new -sha256 -key "$2.key" -subj "/CN=$2" \
	    -out "$2.csr"
	cat >issue.conf <<-CONF
	[ca]
	default_ca = list
	[list]
	database = $PWD/issue.txt
	serial = $PWD/issue.serial
	new_certs_dir = $PWD
	default_md = sha256
	default_days = 90
	policy = any
	unique_subject = no
	[any]
	commonName = supplied
	[names]
	subjectAltName = $3
	CONF
	: >issue.txt
	# Certificates of one authority must not have the same number.
	[ -f issue.serial ] || echo 01 >issue.serial
	# shellcheck disable=SC2086
	openssl_does ca -config issue.conf -batch -notext -extensions names \
	    -keyfile "$1.key" -cert "$1.crt" -in "$2.csr" -out "$2.crt" \
	    ${5:+-startdate $5 -enddate $6}
}

# far_end PEER'S ARGUMENTS: in the background, on $far_address; its port is in
# $far, what it was sent in far.out, what it has to tell in far.err.
far_address=127.0.0.1
far_port=0
far_end()
{
	rm -f far.port
	_mode=accept
	_refuses=
	case $1 in
	full)
		need_silent
		_mode=$silent
		shift ;;
	bind)
		_mode=bind
		_refuses=yes
		shift ;;
	esac
	_options=
	while :; do
		case $1 in
		-k)	_options="$_options $1"; shift ;;
		-*)	_options="$_options $1 $2"; shift 2 ;;
		*)	break ;;
		esac
	done
	# shellcheck disable=SC2086
	"$peer" -p far.port $_options $_mode "$far_address:$far_port" "$@" </dev/null \
	    >far.out 2>far.err &
	far_pid=$!
	echo $far_pid >>pids
	wait_until 20 "the far end" test -f far.port
	far=$(cat far.port)
	[ -z "$_refuses" ] || let_refuse "$far_pid"
}

# far_ends: what it was told to do is done.
far_ends() { wait_until 20 "the far end to leave" dead "$far_pid"; }

# client_block [STATEMENT]...: the client block www, to the far end.
client_block()
{
	{
		echo 'client "www" {'
		echo '	listen on 127.0.0.1 port 0'
		for _s in "$@"; do
			printf '\t%s\n' "$_s"
		done
		echo '}'
	} | configure
}

# near [STATEMENT]...: the same with a trust and a target, at work.
near()
{
	client_block "connect to 127.0.0.1 port $far" "ca \"$PWD/www.crt\"" \
	    "$@"
	start
}

# plain COMMAND...: a client of the client block.
plain()
{
	"$peer" -t 60 connect "127.0.0.1:$port" "$@" >plain.out 2>plain.err
}

# plain_holds COMMAND...: the same, in the background.
plain_holds()
{
	background "$peer" -t 100 connect "127.0.0.1:$port" "$@"
}

# nothing_sent: the far end has got no byte of the plain side.
nothing_sent()
{
	far_ends
	atf_check -o empty cat far.out
}

# far_fails NAME "REASON": as check_fails, once the far end is connected to.
far_fails() { check_fails "$1" "$2" 1 " backend=127.0.0.1:$far"; }
