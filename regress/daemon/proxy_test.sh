# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The PROXY protocol, in and out: whom its header names is the peer.

. "$(atf_get_srcdir)/common.sh"
pp=$top/regress/proxy/pp

# Headers, in the notation of peer's raw.
v1() { printf '%s' "PROXY $*\\x0d\\x0a"; }
hex() { printf '%s' "$*" | tr -d ' \n' | sed 's/../\\x&/g'; }
v2_bytes()
{
	_rest=$(printf '%s' "$3" | tr -d ' \n')
	printf '%s' "0d0a0d0a000d0a515549540a$1$2"
	printf '%04x%s' $((${#_rest} / 2)) "$_rest"
}
# v2 COMMAND FAMILY "ADDRESSES AND TLVS": in hexadecimal.
v2() { hex "$(v2_bytes "$@")"; }

alice="TCP4 192.0.2.1 198.51.100.2 5555 443"
alice2="c0000201 c6336402 15b3 01bb"
alice6="20010db8000000000000000000000001 20010db8000000000000000000000002
    15b3 01bb"

# serve_proxy [STATEMENT]...: www echoes, behind a proxy.
serve_proxy()
{
	{
		echo 'server "www" {'
		echo '	listen on 127.0.0.1 port 0 proxy'
		echo '	certificate "www"'
		for _s in "$@"; do
			printf '\t%s\n' "$_s"
		done
		echo '}'
	} | configure
}

# talk HEADER COMMAND...: what a proxy does, quietly.
talk()
{
	_header=$1
	shift
	"$peer" connect "127.0.0.1:$port" raw "$_header" "$@" >talk.out \
	    2>talk.err
}

# served HEADER: a client behind the proxy gets its echo.
served()
{
	talk "$1" tls write served shutdown read && grep -q served talk.out
}

# story: the events since mark, with the peer in them.
mark() { marked=$(grep -Ec '^server=[a-z]+ (session|from)=' log); }
marked=0
story()
{
	events | tail -n +$((marked + 1)) | sed -E -e 's/^server=[a-z]+ session=N //' \
	    -e 's/ via=127\.0\.0\.[0-9]+:[0-9]+/ via=PROXY/'
}
told() { [ "$(story | wc -l)" -ge "$(wc -l <expected)" ]; }
check_story()
{
	cat >expected
	wait_until 20 "as many events" told
	story >happened
	if ! diff -u expected happened; then
		show_log
		atf_fail "other events than expected"
	fi
}

# named ADDRESS [HEADER]: in a header it is the peer from then on.
named()
{
	mark
	served "$2" || { cat talk.err; show_log; atf_fail "$1: not served"; }
	check_story <<-EVENTS
	from=PEER state=connecting
	from=$1 state=connected VERSION backend=echo via=PROXY
	from=$1 state=closing
	from=$1 state=closed in=6 out=6 seconds=S
	EVENTS
}

scenario named "Whom the header names, of either version and family, is the \
peer in the log from then on, and the proxy is named beside it"
named_body()
{
	serve_proxy echo
	start
	named 192.0.2.1:5555 "$(v1 $alice)"
	named '[2001:db8::1]:1' "$(v1 TCP6 2001:db8::1 2001:db8::2 1 65535)"
	named 192.0.2.1:5555 "$(v2 21 11 "$alice2")"
	named '[2001:db8::1]:5555' "$(v2 21 21 "$alice6")"
	# TLVs are passed over, a right checksum is none the wiser.
	named 192.0.2.1:5555 "$(v2 21 11 "$alice2 0400020000 e00003616263")"
	# One socket for both families names IPv4 like this.
	named 192.0.2.1:5555 "$(v1 TCP6 ::ffff:192.0.2.1 \
	    ::ffff:198.51.100.2 5555 443)"
}

# nobody HEADER: the connection's own address stays the peer.
nobody()
{
	mark
	served "$1" || { cat talk.err; show_log; atf_fail "$1: not served"; }
	check_story <<-EVENTS
	from=PEER state=connecting
	from=PEER state=connected VERSION backend=echo
	from=PEER state=closing
	from=PEER state=closed in=6 out=6 seconds=S
	EVENTS
}

scenario nobody "UNKNOWN, LOCAL and families without an address of the \
Internet keep the connection its own address"
nobody_body()
{
	serve_proxy echo
	start
	nobody "$(v1 UNKNOWN)"
	nobody "$(v1 UNKNOWN 192.0.2.1 198.51.100.2 5555 443)"
	nobody "$(v2 20 00 "")"
	nobody "$(v2 20 11 "$alice2")"
	nobody "$(v2 21 00 "")"
	_zeros=$(printf '%0432d' 0)
	nobody "$(v2 21 31 "$_zeros")"
}

# bytes HEX: themselves.
bytes()
{
	for _b in $(printf '%s' "$1" | sed 's/../& /g'); do
		# shellcheck disable=SC2059
		printf "\\$(printf %03o "0x$_b")"
	done
}

# in_pieces HEADER: that of the file header, to each of the servers.
in_pieces()
{
	for s in www names; do
		a=127.0.0.1:$(port_of $s)
		atf_check -o inline:dripped -e ignore "$peer" connect "$a" \
		    drip header tls write dripped shutdown read
		atf_check -o inline:corked -e ignore "$peer" connect "$a" \
		    cork raw "$1" tls write corked shutdown read
	done
}

scenario pieces "A header that comes byte by byte, or in one packet with \
the ClientHello, takes nothing from TLS; where server names are looked at too"
pieces_body()
{
	serve_proxy echo
	cat >>securetcpd.conf <<-CONF
	server "names" {
		listen on 127.0.0.1 port 0 proxy
		certificate "www"
		match servername unknown refuse
		echo
	}
	CONF
	start
	printf 'PROXY %s\r\n' "$alice" >header
	in_pieces "$(v1 $alice)"
	tlv="040080$(printf '%0256d' 7)"
	bytes "$(v2_bytes 21 21 "$alice6 $tlv")" >header
	in_pieces "$(v2 21 21 "$alice6 $tlv")"
	# The longest there is.
	tlv="040fd9$(printf '%08114d' 7)"
	bytes "$(v2_bytes 21 21 "$alice6 $tlv")" >header
	atf_check test "$(wc -c <header)" -eq 4112
	in_pieces "$(v2 21 21 "$alice6 $tlv")"
	wait_closed 12
	atf_check_equal 12 "$(grep -c "state=connected .*via=" log)"
	atf_check -s exit:1 grep error= log
}

# bad REASON COMMAND...: what is no header of a proxy.
bad()
{
	reason=$1
	shift
	mark
	"$peer" connect "127.0.0.1:$port" "$@" 2>talk.err
	grep -q '^end' talk.err || atf_fail "$reason: not closed"
	check_story <<-EVENTS
	from=PEER state=connecting
	from=PEER error=ptProtocol number=11101 description="Security protocol negotiation failed." reason="$reason"
	from=PEER state=closing
	from=PEER state=closed in=0 out=0 seconds=S
	EVENTS
}

scenario bad "What is no header, or a bad one, is ptProtocol, and the reason \
tells what came"
bad_body()
{
	serve_proxy echo
	start
	none="no PROXY header: "
	instead="came where a PROXY header was expected"
	bad "${none}a TLS handshake $instead" \
	    raw '\x16\x03\x01\x02\x00\x01' drain
	bad "${none}an HTTP request $instead" raw 'GET / HTTP/1.0\x0d\x0a' drain
	bad "$none\\\"HELO example\\\" $instead" \
	    raw 'HELO example\x0d\x0a' drain
	bad "${none}bytes 00 01 02 03 $instead" raw '\x00\x01\x02\x03' drain
	bad "PROXY v1: no CRLF in its first 107 bytes" \
	    raw "PROXY UNKNOWN $(printf '%0200d' 0)\\x0d\\x0a" drain
	bad "PROXY v1: neither TCP4, TCP6 nor UNKNOWN" \
	    raw "$(v1 UDP4 192.0.2.1 198.51.100.2 5555 443)" drain
	bad 'PROXY v1: \"192.0.2.256\" is not an IPv4 address' \
	    raw "$(v1 TCP4 192.0.2.256 198.51.100.2 5555 443)" drain
	bad 'PROXY v1: \"65536\" is not a port' \
	    raw "$(v1 TCP4 192.0.2.1 198.51.100.2 65536 443)" drain
	bad "PROXY v2: version 3 in place of 2" raw "$(v2 31 11 "$alice2")" drain
	bad "PROXY v2: datagrams, on a stream" raw "$(v2 21 12 "$alice2")" drain
	bad "PROXY v2: 8 bytes are too few for its addresses" \
	    raw "$(v2 21 11 "c0000201 c6336402")" drain
	bad "PROXY v2: a TLV reaches beyond the header" \
	    raw "$(v2 21 11 "$alice2 04ffff00")" drain
	bad "PROXY v2: wrong checksum" \
	    raw "$(v2 21 11 "$alice2 03000400000000")" drain
	bad "PROXY v2: 65535 bytes are more than 4096" \
	    raw "$(hex 0d0a0d0a000d0a515549540a2111ffff)" drain
}

scenario forbidden "A header where none is allowed is ptProtocol, and the \
reason says that it was one"
forbidden_body()
{
	serve echo
	cat >>securetcpd.conf <<-CONF
	server "names" {
		listen on 127.0.0.1 port 0
		certificate "www"
		match servername unknown refuse
		echo
	}
	CONF
	start
	www=$port
	for header in "$(v1 $alice)" "$(v2 21 11 "$alice2")"; do
		port=$www
		bad "not TLS: the peer sent a PROXY header" raw "$header" drain
		port=$(port_of names)
		bad "not TLS: the peer sent a PROXY header" raw "$header" drain
	done
}

# late REASON COMMAND...: the handshake timer, of a second, runs out.
late()
{
	from=$1
	reason=$2
	via=$3
	shift 3
	mark
	"$peer" connect "127.0.0.1:$port" "$@" 2>talk.err
	check_story <<-EVENTS
	from=PEER state=connecting
	from=$from error=ptTimeout number=10060 description="The operation timed out." reason="handshake timer, 1 second$reason"$via
	from=$from state=closing
	from=$from state=closed in=0 out=0 seconds=S
	EVENTS
}

scenario late "A header that does not come, or not whole, and a named client \
that says nothing: the handshake timer, which tells them apart"
late_body()
{
	serve_proxy echo "timeout handshake 1"
	start
	late PEER ": no PROXY header has come" "" drain
	late PEER ": no PROXY header has come" "" raw "PROXY TCP4 192" drain
	late PEER ": no PROXY header has come" "" \
	    raw "$(hex 0d0a0d0a000d0a515549540a2111000c c00002)" drain
	late 192.0.2.1:5555 "" " via=PROXY" raw "$(v1 $alice)" drain
	late 192.0.2.1:5555 "" " via=PROXY" raw "$(v2 21 11 "$alice2")" \
	    raw '\x16\x03\x01' drain
	late PEER "" "" raw "$(v1 UNKNOWN)" drain
}

# ends FROM ["ERROR..."] COMMAND...: what the end of the connection is.
ends()
{
	from=$1
	error=$2
	shift 2
	mark
	"$peer" connect "127.0.0.1:$port" "$@" 2>talk.err
	{
		echo "from=PEER state=connecting"
		if [ -n "$error" ]; then
			echo "from=$from error=$error"
			echo "from=$from state=closing"
		else
			echo "from=$from state=closing reason=\"the peer" \
			    "left without sending anything\""
		fi
		echo "from=$from state=closed in=0 out=0 seconds=S"
	} >ends
	check_story <ends
}

scenario ends "A health check, with a header or without, is no error; an end \
in the middle of either is one"
ends_body()
{
	serve_proxy echo
	start
	aborted='ptConnectionAborted number=10053 description="The connection was aborted." reason='
	middle="\"the proxy left in the middle of the PROXY header\""
	for end in fin reset; do
		ends PEER "" $end
		ends PEER "$aborted$middle" raw P fin drain
		ends PEER "$aborted$middle" raw "PROXY TCP4 192" fin drain
		ends PEER "$aborted$middle" \
		    raw "$(hex 0d0a0d0a000d0a515549540a2111000c c00002)" fin drain
		ends PEER "" raw "$(v1 UNKNOWN)" $end
		ends PEER "" raw "$(v2 20 00 "")" $end
		ends 192.0.2.1:5555 "" raw "$(v1 $alice)" $end
	done
	ends 192.0.2.1:5555 "$aborted\"the peer left in the middle of the handshake: end of file\" via=PROXY" \
	    raw "$(v1 $alice)" raw '\x16\x03\x01\x02\x00' fin drain
}

# holder NAME HEADER: stays connected until the file NAME.leave is there.
holder()
{
	background "$peer" connect "127.0.0.1:$port" raw "$2" tls write x \
	    readn 1 touch "$1.in" until "$1.leave" shutdown read
	wait_until 20 "$1 to be connected" test -f "$1.in"
}

from() { v1 TCP4 "$1" 198.51.100.2 5555 443; }

scenario per_source "per source counts whom the header names, and not the \
proxy; connections that it names nobody for are not counted"
per_source_body()
{
	serve_proxy echo "connections per source 2"
	start
	holder a "$(from 192.0.2.1)"
	holder b "$(from 192.0.2.1)"
	mark
	served "$(from 192.0.2.1)" && atf_fail "the third was not turned away"
	check_story <<-EVENTS
	from=PEER state=connecting
	from=192.0.2.1:5555 error=ptOperationRefused number=12019 description="The operation was refused." reason="connections per source 2" via=PROXY
	from=192.0.2.1:5555 state=closing
	from=192.0.2.1:5555 state=closed in=0 out=0 seconds=S
	EVENTS
	for i in 2 3 4 5 6; do
		holder o$i "$(from 192.0.2.$i)"
	done
	for i in 1 2 3; do
		holder n$i "$(v1 UNKNOWN)"
	done
	# The prefix of an IPv6 host counts, as ever.
	holder s1 "$(v1 TCP6 2001:db8::1 2001:db8::2 1 65535)"
	holder s2 "$(v1 TCP6 2001:db8::f:2 2001:db8::2 1 65535)"
	served "$(v1 TCP6 2001:db8::f:f:3 2001:db8::2 1 65535)" &&
	    atf_fail "the third of a /64 was not turned away"
	touch a.leave
	wait_until 20 "room" served "$(from 192.0.2.1)"
}

scenario max_pending "max and pending hold for connections of a proxy: one \
too many is turned away, and the oldest that awaits its header makes room"
max_pending_body()
{
	serve_proxy echo "connections max 3 pending 2"
	start
	holder a "$(from 192.0.2.1)"
	for i in 1 2; do
		background "$peer" connect "127.0.0.1:$port" hold
		wait_until 20 "silent connection $i" connecting $((i + 1))
	done
	"$peer" connect "127.0.0.1:$port" drain 2>/dev/null
	wait_log '^server=www from=127\.0\.0\.1:[0-9]+ error=ptOperationRefused .*reason="connections max 3"'
	touch a.leave
	wait_closed 1
	served "$(from 192.0.2.2)" || atf_fail "shut out"
	wait_log 'error=ptOperationRefused .*reason="connections pending 2: the oldest handshake makes room"'
	wait_closed 3
}
connecting() { [ "$(grep -c state=connecting log)" -ge "$1" ]; }

# balance COUNT: connections, each of them ends in another way; a source may
# have one, so one that were not given back would be missed by the next.
balance()
{
	i=0
	while [ $i -lt "$1" ]; do
		i=$((i + 1))
		a=$(from 192.0.2.$((i % 11)))
		case $((i % 11)) in
		0)	talk "$a" tls write x readn 1 close ;;
		1)	talk "$a" fin drain ;;
		2)	talk "$a" reset ;;
		3)	talk "$a" raw 'GET / HTTP/1.0\x0d\x0a' drain ;;
		4)	talk "$a" raw '\x16\x03\x01' fin drain ;;
		5)	talk "$a" tls write x readn 1 reset ;;
		6)	talk "${a%?????}" fin drain ;;
		7)	talk "$(from 192.0.2.99)" drain ;;
		8)	talk GARBAGE drain ;;
		9)	talk "$(v1 UNKNOWN)" tls bye ;;
		10)	talk "$a" tls bye ;;
		esac
		wait_until 60 "its end" closed_count $((first + i))
	done
	first=$((first + i))
}

# balanced COUNT: what was taken was given back.
balanced()
{
	serve_proxy echo "connections per source 1"
	start
	first=0
	holder a "$(from 192.0.2.99)"
	balance "$1"
	touch a.leave
	wait_until 20 "room" served "$(from 192.0.2.99)"
	i=0
	while [ $i -le 10 ]; do
		wait_until 20 "room for $i" served "$(from 192.0.2.$i)"
		i=$((i + 1))
	done
	# Nobody was turned away but those that were meant to be.
	atf_check_equal "$(($1 / 11))" "$(grep ptOperationRefused log |
	    grep -c 'from=192.0.2.99:5555 .*per source 1"')"
	stop
	atf_check -s exit:1 grep -E 'Sanitizer|runtime error' log
	awk -v proxy=1 -f "$top/regress/tools/once.awk" log || {
		show_log
		atf_fail "not every socket ended exactly once"
	}
}

scenario balance "1000 connections of a proxy that end in eleven ways, also \
after their header was refused: what each source has is given back" timeout 300
balance_body() { balanced 1001; }

scenario balance_sanitized "The same with the parent under sanitizers" \
    timeout 300
balance_sanitized_body()
{
	sanitize
	balanced 110
}

atf_init_test_cases()
{
	add_scenarios
}
