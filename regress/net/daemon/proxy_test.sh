# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The PROXY protocol, in and out: whom its header names is the peer.

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/../../unit/proxy/pp.sh"

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
	from=PEER $(failure ptProtocol "$reason")
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
	from=$from $(failure ptTimeout "handshake timer, 1 second$reason")$via
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
	late PEER ": no PROXY header has come" "" raw P drain
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
		# Without a byte there is no session, and so no event.
		"$peer" connect "127.0.0.1:$port" $end 2>talk.err
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
	from=192.0.2.1:5555 $(failure ptOperationRefused "connections per source 2") via=PROXY
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
	background "$peer" connect "127.0.0.1:$port" raw PROXY hold
	wait_until 20 "a part of a header" connecting 2
	background "$peer" connect "127.0.0.1:$port" touch silent hold
	wait_until 20 "a silent connection" test -f silent
	"$peer" connect "127.0.0.1:$port" drain 2>/dev/null
	wait_log '^server=www from=127\.0\.0\.1:[0-9]+ error=ptOperationRefused .*reason="connections max 3"'
	touch a.leave
	wait_closed 1
	served "$(from 192.0.2.2)" || atf_fail "shut out"
	wait_log 'error=ptOperationRefused .*reason="connections pending 2: the oldest handshake of the source with most makes room"'
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
	# Nobody is to be turned away for what he does.
	trusted="$trusted, 192.0.2.0/24"
	serve_proxy echo "connections per source 1"
	start
	first=0
	holder a "$(from 192.0.2.99)"
	balance "$1"
	# Nobody was turned away but those that were meant to be.
	atf_check_equal "$(($1 / 11))" "$(grep ptOperationRefused log |
	    grep -c 'from=192.0.2.99:5555 .*per source 1"')"
	touch a.leave
	wait_until 20 "room" served "$(from 192.0.2.99)"
	i=0
	while [ $i -le 10 ]; do
		wait_until 20 "room for $i" served "$(from 192.0.2.$i)"
		i=$((i + 1))
	done
	stop_daemon
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

# strangers FROM TO: a connection each, of an address that comes once; each
# third ends with an error.
strangers()
{
	i=$1
	while [ $i -lt "$2" ]; do
		i=$((i + 1))
		a=$(from 10.$((i % 3)).$((i / 200)).$((i % 200)))
		if [ $((i % 3)) -eq 0 ]; then
			talk "$a" raw GARBAGE drain
		else
			talk "$a" fin drain
		fi
	done
	wait_closed "$2" 60
}

descriptors() { fds_of "$daemon"; }

scenario strangers "2500 addresses that come once each leave nothing behind \
in the parent" timeout 300
strangers_body()
{
	need_look
	# An offence is remembered, and that is not what is measured.
	trusted="$trusted, 10.0.0.0/8"
	serve_proxy echo "connections per source 1"
	start
	strangers 0 500
	before=$(anonymous_of "$daemon")
	pipes=$(descriptors)
	strangers 500 3000
	after=$(anonymous_of "$daemon")
	# A busy machine has more idle sessions, each with a pipe.
	pipes=$(($(descriptors) - pipes))
	[ $pipes -gt 0 ] || pipes=0
	echo "parent $before KiB before, $after after, $pipes pipes more"
	[ $((after - before)) -lt $((100 + 8 * pipes)) ] ||
	    atf_fail "the parent has grown"
	atf_check -s exit:1 grep -E 'ptOperationRefused|penalised' log
}

# need_net ADDRESS...: addresses that are not loopback's: on Linux in a network
# of our own, elsewhere as aliases.
need_net()
{
	net=
	if [ "$system" != Linux ]; then
		need_addresses "$@"
		return 0
	fi
	for _p in ip nsenter unshare; do
		command -v $_p >/dev/null || atf_skip "$_p is not installed"
	done
	[ "$(id -u)" -eq 0 ] || atf_skip "needs root, for a network of its own"
	unshare -n true 2>/dev/null || atf_skip "no network of its own here"
	background unshare -n sh -c 'echo >ns.ready; exec sleep 120'
	wait_until 20 "a network" test -f ns.ready
	net="nsenter -t $pid -n"
	$net ip link set lo up || atf_skip "no network of its own here"
	for _a in "$@"; do
		case $_a in
		*:*)	_length=128 ;;
		*)	_length=32 ;;
		esac
		$net ip addr add "$_a/$_length" dev lo || atf_skip "no address $_a"
	done
}

# in_net FROM COMMAND...: to the listener there.
in_net()
{
	_f=$1
	shift
	$net "$peer" -b "$_f" connect "$listener" "$@" >net.out 2>net.err
}
# So many were: a line may stand for several.
turned_away()
{
	[ "$(sed -n "s/.*$untrusted//p" log | awk '{ n += $1 }
	    END { print n + 0 }')" -eq "$1" ]
}

scenario trusted "Off loopback a header is taken from trusted proxies only; \
others are turned away at once, and nothing they send is looked at"
trusted_body()
{
	need_net 10.99.0.1 10.99.0.2 10.99.0.3 10.99.1.9
	trusted="10.99.0.2, 10.99.1.0/24"
	{
		echo 'server "www" {'
		echo '	listen on 10.99.0.1 port 0 proxy'
		echo '	certificate "www"'
		echo '	echo'
		echo '}'
	} | configure
	# shellcheck disable=SC2086
	start $net
	listener=10.99.0.1:$port
	for f in 10.99.0.2 10.99.1.9; do
		in_net $f:0 raw "$(v1 $alice)" tls write served shutdown read ||
		    atf_fail "$f was not served"
		atf_check -o inline:served cat net.out
		wait_log "from=192.0.2.1:5555 state=connected .*via=$f:[0-9]+"
	done
	untrusted='error=ptProtocol number=11101 description="Security protocol negotiation failed." reason="a PROXY header is taken from trusted proxies only" count='
	n=0
	for f in 10.99.0.1 10.99.0.3; do
		n=$((n + 1))
		in_net $f:0 drain
		atf_check test ! -s net.out
		in_net $f:0 raw "$(v1 $alice)" drain
		atf_check test ! -s net.out
		wait_until 20 "$f to be turned away" turned_away $((2 * n))
		atf_check -o match:"^server=www from=$f:[0-9]+ $untrusted" \
		    cat log
	done
	atf_check_equal 2 "$(grep -c state=connecting log)"
}

scenario trusted6 "The same over IPv6"
trusted6_body()
{
	[ "$system" = Linux ] || has_ip6 || atf_skip "there is no IPv6"
	need_net fd00:99::1 fd00:99::2 fd00:99::4
	trusted="fd00:99::/126"
	{
		echo 'server "www" {'
		echo '	listen on fd00:99::1 port 0 proxy'
		echo '	certificate "www"'
		echo '	echo'
		echo '}'
	} | configure
	# shellcheck disable=SC2086
	start $net
	listener="[fd00:99::1]:$port"
	in_net '[fd00:99::2]:0' raw "$(v2 21 21 "$alice6")" tls write served \
	    shutdown read || atf_fail "not served"
	wait_log 'from=\[2001:db8::1\]:5555 state=connected .*via=\[fd00:99::2\]:[0-9]+'
	in_net '[fd00:99::4]:0' raw "$(v2 21 21 "$alice6")" drain
	wait_log '^server=www from=\[fd00:99::4\]:[0-9]+ error=ptProtocol '
}

scenario trusted_zone "A proxy with an address of one link is trusted there, \
and not on another link"
trusted_zone_body()
{
	need_linux "makes links, and a network to have them in"
	need_net fe80::1 fe80::2
	$net ip link add d0 type veth peer name d1 ||
	    atf_skip "no link can be made here"
	$net ip link set d0 up && $net ip link set d1 up &&
	    $net ip addr add fe80::1/64 dev d0 nodad &&
	    $net ip addr add fe80::2/64 dev d0 nodad ||
	    atf_skip "no address of a link here"
	trusted="fe80::2%d0"
	for w in www:d0 other:lo; do
		cat <<-CONF
		server "${w%:*}" {
			listen on fe80::1%${w#*:} port 0 proxy
			certificate "www"
			echo
		}
		CONF
	done | configure
	# shellcheck disable=SC2086
	start $net
	listener="[fe80::1%d0]:$port"
	in_net '[fe80::2%d0]:0' raw "$(v1 $alice)" tls write served shutdown \
	    read || atf_fail "not served"
	wait_log 'from=192\.0\.2\.1:5555 state=connected .*via=\[fe80::2%d0\]:[0-9]+'
	listener="[fe80::1%lo]:$(port_of other)"
	in_net '[fe80::2%lo]:0' raw "$(v1 $alice)" drain
	wait_log '^server=other from=\[fe80::2%lo\]:[0-9]+ error=ptProtocol '
	atf_check -s exit:1 grep -q '^server=other .*state=' log
}

# fetch PORT: with curl, from 127.0.0.5, what is said there; the port it
# came from is in $local.
fetch()
{
	curl -sS --max-time 60 --cacert www.crt --interface 127.0.0.5 \
	    --resolve "localhost:$1:127.0.0.1" -w '%{stderr}%{local_port}' \
	    "https://localhost:$1/${2:-}" >body 2>local ||
	    { cat local; show_log; atf_fail "curl"; }
	local=$(cat local)
}

scenario from_haproxy_to_nginx "haproxy before and nginx behind: nginx hears \
of the client that haproxy saw, with either version on either side, and \
health checks of haproxy are no errors" require.progs "haproxy nginx curl" \
timeout 200
from_haproxy_to_nginx_body()
{
	need_addresses 127.0.0.5
	nginx_told
	n=0
	for sends in send-proxy send-proxy-v2 \
	    "send-proxy-v2 proxy-v2-options crc32c,authority"; do
		for v in v1 v2; do
			serve_proxy "forward to \"$PWD/nginx.sock\" with proxy $v"
			start
			n=$((n + 1))
			haproxy_conf <<-CONF
			listen relay
				bind fd@3
				server www 127.0.0.1:$port $sends check inter 50ms
			CONF
			haproxy_on 127.0.0.1
			haproxy=$pid
			wait_log 'without sending anything'
			fetch "$front" "number-$n"
			atf_check -o inline:"127.0.0.5 $local 127.0.0.1 $front\n" \
			    cat body
			wait_log "from=127.0.0.5:$local state=connected .*backend=.*via=127.0.0.1:[0-9]+"
			wait_until 20 "nginx's log" grep -q "number-$n" access.log
			atf_check -o match:"^127.0.0.5 /number-$n\$" \
			    cat access.log
			kill "$haproxy"
			wait "$haproxy"
			stop_daemon
			atf_check -s exit:1 grep error= log
		done
	done
}

scenario from_nginx "nginx before: whom it names is the peer" \
    require.progs "nginx curl"
from_nginx_body()
{
	need_addresses 127.0.0.5
	serve_proxy echo
	start
	nginx_on 127.0.0.1 "127.0.0.1:$port"
	atf_check -o inline:served -e ignore "$peer" -b 127.0.0.5:0 \
	    -C www.crt connect "127.0.0.1:$front" tls write served shutdown \
	    read
	wait_log 'from=127\.0\.0\.5:[0-9]+ state=connected .*via=127\.0\.0\.1:[0-9]+'
	wait_closed 1
	atf_check -s exit:1 grep error= log
}

scenario to_program "A program hears of whom the header names, and of where \
he has connected to"
to_program_body()
{
	user=nobody
	[ "$(id -u)" -eq 0 ] || user=$(id -un)
	serve_proxy "execute \"$(command -v env)\" user \"$user\""
	start
	for h in "$(v1 $alice)" "$(v2 21 11 "$alice2")"; do
		talk "$h" tls read shutdown
		shows -o inline:"198.51.100.2 443 192.0.2.1 5555\n" ends_told
	done
	talk "$(v2 21 21 "$alice6")" tls read shutdown
	shows -o inline:"2001:db8::2 443 2001:db8::1 5555\n" ends_told
	talk "$(v1 UNKNOWN)" tls read shutdown
	shows -o match:"^127.0.0.1 $port 127.0.0.1 [0-9]+\$" ends_told
}
# Of the environment: both addresses and ports, in the order of their names.
ends_told() { grep ^TCP talk.out | sort | cut -d = -f 2 | xargs; }

scenario to_haproxy "haproxy takes the headers of either version: whom they \
name, and the server name from version 2" require.progs "haproxy curl"
to_haproxy_body()
{
	need_addresses 127.0.0.5
	haproxy_told
	serve "forward to \"$PWD/haproxy.sock\" with proxy v1"
	start
	fetch "$port"
	atf_check -o inline:"127.0.0.5 $local 127.0.0.1 $port []\n" cat body
	stop_daemon
	serve "forward to \"$PWD/haproxy.sock\" with proxy v2"
	start
	fetch "$port"
	atf_check -o inline:"127.0.0.5 $local 127.0.0.1 $port [localhost]\n" \
	    cat body
	atf_check -s exit:1 grep error= log
}

# tlv TYPE TEXT: in hexadecimal, as is told of strings.
hex_of() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
tlv() { printf '%s%04x%s' "$1" ${#2} "$(hex_of "$2")"; }
nested() { printf '%s%04x%s' "$1" $((${#2} / 2)) "$2"; }
value() { sed -n "s/.* $1=\\([^ ]*\\).*/\\1/p" line; }

# header_told CLIENT NAME ALPN SSL CN: of the last connection: what the
# backend got, to the byte.
header_told()
{
	grep state=connected log | tail -n 1 >line
	from=$(value from)
	tlvs=
	[ -z "$3" ] || tlvs=$(tlv 01 "$3")
	[ -z "$2" ] || tlvs=$tlvs$(tlv 02 "$2")
	ssl=$4$(tlv 21 "$(value version)")
	[ -z "$5" ] || ssl=$ssl$(tlv 22 "$5")
	ssl=$ssl$(tlv 23 "$(value cipher)")
	{
		bytes "$(v2_bytes 21 11 "7f0000${1:-01}7f000001$(
		    printf '%04x%04x' "${from#*:}" "$port")$tlvs$(
		    nested 20 "$ssl")")"
		echo "all of it"
	} >want
	wait_until 20 "the end" cmp -s background.out want ||
	    { od -c background.out; od -c want; }
	: >background.out
}

scenario out_tlvs "With version 2 go ALPN, server name, TLS version, cipher \
and the name in the certificate of a client; those that there are" \
require.progs openssl
out_tlvs_body()
{
	openssl req -x509 -sha256 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 9 -subj "/O=Example/CN=Alice of Example" -keyout alice.key \
	    -out alice.crt 2>openssl.err || atf_fail "openssl req"
	background "$peer" -k accept "$PWD/backend.sock" write x read
	wait_until 20 "backend" test -S backend.sock
	serve 'alpn "h2,http/1.1"' \
	    "client authentication optional ca \"$PWD/alice.crt\"" \
	    "forward to \"$PWD/backend.sock\" with proxy v2"
	start
	# LibreSSL's comes from wherever it likes.
	five="-bind 127.0.0.5:0"
	six="-bind 127.0.0.6:0"
	if [ -n "$libressl" ]; then
		five=
		six=
	else
		need_addresses 127.0.0.5 127.0.0.6
	fi
	n=0
	for v in 1_2 1_3; do
		n=$((n + 1))
		echo "all of it" | s_client -tls$v $five \
		    -servername www.example.org -alpn http/1.1 \
		    -cert alice.crt -key alice.key
		wait_closed $n
		header_told "${five:+05}" www.example.org http/1.1 0700000000 \
		    "Alice of Example"
	done
	echo "all of it" | s_client $six -noservername
	wait_closed 3
	header_told "${six:+06}" "" "" 0100000001 ""
}
s_client()
{
	rm -f s_client.out
	{
		cat
		wait_until 20 "the answer" grep -q x s_client.out
	} | openssl s_client -quiet -no_ign_eof "$@" -CAfile www.crt \
	    -verify_return_error -connect "127.0.0.1:$port" >s_client.out \
	    2>s_client.err
}

scenario out_v1 "Version 1 is a line with both addresses"
out_v1_body()
{
	background "$peer" -k accept "$PWD/backend.sock" read
	wait_until 20 "backend" test -S backend.sock
	serve_proxy "forward to \"$PWD/backend.sock\" with proxy v1"
	start
	# told LINE HEADER
	for t in "TCP4 192.0.2.1 198.51.100.2 5555 443" \
	    "TCP6 2001:db8::1 2001:db8::2 1 65535"; do
		: >background.out
		talk "$(v1 $t)" tls write over bye
		printf 'PROXY %s\r\nover' "$t" >want
		wait_until 20 "all of $t" cmp -s background.out want
	done
	: >background.out
	talk "$(v1 UNKNOWN)" tls write over bye
	wait_closed 3
	from=$(sed -n 's/.* from=\(127[^ ]*\) state=connected.*/\1/p' log)
	printf 'PROXY TCP4 127.0.0.1 127.0.0.1 %s %s\r\nover' "${from#*:}" \
	    "$port" >want
	wait_until 20 "all" cmp -s background.out want
}

# daemon_in DIRECTORY: a daemon that is one of several; its port is in $port.
daemon_in()
{
	mkdir "$1"
	cd "$1" || atf_fail "$1"
	: >>../pids
	ln -s ../pids pids
	cp ../www.crt ../www.key .
}

scenario chain "Two of us, one behind the other: the inner one names the \
client of the outer one, which speaks TLS inside of TLS"
chain_body()
{
	certificate www
	daemon_in inner
	serve_proxy echo
	start
	inner=$port
	cd ..
	daemon_in outer
	serve "forward to 127.0.0.1 port $inner with proxy v2"
	start
	outer=$port
	cd ..
	daemon_in away
	configure <<-CONF
	client "away" {
		listen on 127.0.0.1 port 0
		connect to 127.0.0.1 port $outer
		servername "localhost"
		ca "$PWD/www.crt"
	}
	CONF
	start
	away=$(port_of away)
	cd ..
	atf_check -o inline:"through all of them" -e ignore "$peer" \
	    -C www.crt connect "127.0.0.1:$away" tls \
	    write "through all of them" shutdown read
	wait_until 20 "the inner end" grep -q state=closed inner/log
	from=$(sed -n 's/.* from=\([^ ]*\) state=connected.*/\1/p' outer/log)
	[ -n "$from" ] || atf_fail "nobody was connected"
	atf_check -o match:"from=$from state=connected .*via=127\.0\.0\.1:[0-9]+" \
	    cat inner/log
	atf_check -s exit:1 grep error= inner/log outer/log away/log
}

# meagre: the parent writes headers a byte at a time, and now and then none;
# with BROKEN, at that try of the first one there is nobody to write to.
meagre()
{
	cat >meagre.c <<-'SOURCE'
	#include <sys/types.h>
	#include <sys/socket.h>
	#include <errno.h>
	#include <stdlib.h>
	#include <string.h>
	static int	 header = -1, tries;
	ssize_t
	send(int fd, const void *data, size_t len, int flags)
	{
		const char	*broken = getenv("BROKEN");

		if (len > 12 && (memcmp(data, "PROXY ", 6) == 0 ||
		    memcmp(data, "\r\n\r\n", 5) == 0))
			header = fd;
		if (fd != header)
			return (sendto(fd, data, len, flags, NULL, 0));
		tries++;
		if (broken != NULL && tries == atoi(broken)) {
			errno = EPIPE;
			return (-1);
		}
		if (tries % 3 == 0) {
			errno = tries % 2 == 0 ? EAGAIN : EINTR;
			return (-1);
		}
		return (sendto(fd, data, 1, flags, NULL, 0));
	}
	SOURCE
	atf_check cc -shared -fPIC -o meagre.so meagre.c
}

scenario out_in_pieces "A header that is taken byte by byte arrives whole, \
before the first byte of the client" require.progs cc
out_in_pieces_body()
{
	meagre
	background "$peer" -k accept "$PWD/backend.sock" read
	wait_until 20 "backend" test -S backend.sock
	serve_proxy "forward to \"$PWD/backend.sock\" with proxy v1"
	start env LD_PRELOAD="$PWD/meagre.so"
	talk "$(v1 $alice)" tls write over bye
	printf 'PROXY %s\r\nover' "$alice" >want
	wait_until 20 "all of it" cmp -s background.out want
	wait_closed 1
	atf_check -s exit:1 grep error= log
}

scenario out_broken "A backend that leaves in the middle of its header has \
failed: the next one gets the whole" require.progs cc
out_broken_body()
{
	meagre
	for b in one two; do
		"$peer" -k accept "$PWD/$b.sock" read >$b.out 2>/dev/null &
		echo $! >>pids
		wait_until 20 "backend $b" test -S $b.sock
	done
	serve_proxy "forward to \"$PWD/one.sock\" with proxy v1" \
	    "forward to \"$PWD/two.sock\" with proxy v2"
	start env LD_PRELOAD="$PWD/meagre.so" BROKEN=11
	talk "$(v1 $alice)" tls write over bye
	wait_closed 1
	wait_log "warning=\"backend $PWD/one.sock down: Broken pipe; retry every 10 seconds\""
	atf_check -o match:"backend=$PWD/two.sock" grep state=connected log
	shows -o inline:"PROXY" first 5 one.out
	atf_check test "$(wc -c <one.out)" -eq 7
	atf_check -o match:"over$" tail -c 4 two.out
	bytes "$(v2_bytes 21 11 "$alice2" | cut -c 1-28)" >want
	first 14 two.out >got
	atf_check cmp got want
	atf_check -s exit:1 grep error= log
}

atf_init_test_cases()
{
	add_scenarios
}
