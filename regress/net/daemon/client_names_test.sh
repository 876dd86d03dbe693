# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Targets of client blocks by name: the addresses of a name are tried in
# turn, and nobody waits for a name longer than for a connection.

. "$(atf_get_srcdir)/client.sh"

host=mail.example.org

# planned: a build tree of our own, whose resolver says of a name what the
# file name.NAME does.
planned()
{
	mkdir -p tree/sbin/securetcpd
	cp "$securetcpd" tree/sbin/securetcpd/
	for _h in securetcp-session securetcp-signer; do
		mkdir -p "tree/libexec/$_h"
		cp "$top/libexec/$_h/$_h" "tree/libexec/$_h/"
	done
	mkdir -p tree/libexec/securetcp-resolver rogue
	cp "$top/regress/helper/resolver/rogue_resolver" rogue/securetcp-resolver
	# A helper starts in the chroot; this one reads files of the test.
	cat >tree/libexec/securetcp-resolver/securetcp-resolver <<-SCRIPT
	#!/bin/sh
	cd "$PWD" && exec rogue/securetcp-resolver "\$@"
	SCRIPT
	chmod 755 tree/libexec/securetcp-resolver/securetcp-resolver
	securetcpd=$PWD/tree/sbin/securetcpd/securetcpd
}

# known WORD...: what the resolver says of the host.
known()
{
	echo "$*" >name.new
	mv name.new "name.$host"
}

# asked: the resolver waits for what it is to say; tell WORD... says it.
asked()
{
	mkfifo "name.$host"
	chmod 666 "name.$host"
}
tell() { echo "$*" >"name.$host"; }

# by_name [STATEMENT]...: a client block to the host, at work.
by_name()
{
	client_block "connect to \"$host\" port $far" "ca \"$PWD/www.crt\"" "$@"
	start
}

# asked_every TIME: the same, and so often the host is looked up.
asked_every()
{
	client_block "connect to \"$host\" port $far" "ca \"$PWD/www.crt\""
	{ echo "resolver interval $1"; cat securetcpd.conf; } >every.conf
	mv every.conf securetcpd.conf
	start
}

# nameless [STATEMENT]...: the same, and nothing is said of the host yet.
nameless()
{
	certificate www
	planned
	asked
	far=465
	by_name "$@"
}

# certified: a far end for the host; more is said of it by $1.
certified()
{
	authority www
	issue www far "DNS:$host${1:+,$1}"
}

scenario localhost "A name of the hosts file is resolved; it is asked for \
and looked for in the certificate, and the log has it with its address"
localhost_body()
{
	certificate www
	far_end -s www tls read write answer shutdown
	host=localhost
	by_name
	plain write hello shutdown read
	atf_check -o inline:answer cat plain.out
	far_ends
	atf_check -o match:"^asked for localhost$" cat far.err
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION servername=localhost backend="localhost:$far (127.0.0.1:$far)" subject="CN=localhost"
	state=closing
	state=closed in=6 out=5 seconds=S
	EVENTS
}

scenario ip6_localhost "The same of a name that has an IPv6 address"
ip6_localhost_body()
{
	{
		getent ahostsv6 ip6-localhost ||
		    getent hosts ip6-localhost
	} 2>/dev/null | grep -q '^::1[[:space:]]' || atf_skip "there is no ip6-localhost"
	authority www
	issue www far DNS:ip6-localhost
	far_address=[::1]
	far_end -s far tls read
	host=ip6-localhost
	by_name
	plain write hello shutdown read
	wait_log "state=connected .*backend=\"ip6-localhost:$far \(\[::1\]:$far\)\""
}

scenario ipv6 "An IPv6 address of a name is tried, and shown in brackets"
ipv6_body()
{
	has_ip6 || atf_skip "there is no IPv6"
	certified
	planned
	known answer ::1
	far_address=[::1]
	far_end -s far tls read
	by_name
	plain write hello shutdown read
	far_ends
	atf_check -o inline:hello cat far.out
	wait_log "state=connected .*backend=\"$host:$far \(\[::1\]:$far\)\""
}

scenario invalid "A name that does not exist is an error that says so"
invalid_body()
{
	certificate www
	host=nowhere.invalid
	far=465
	by_name
	wait_log 'warning="host .*nowhere.invalid.* cannot be resolved' 90
	plain write hello drain
	wait_closed
	# Which of them, is the host's resolv.conf's to say.
	atf_check -o match:"error=(ptHostNotFound number=11001|ptTryAgain number=11002|ptNoRecovery number=11003|ptNoData number=11004) .* reason=\"target nowhere.invalid:465: [^\"]+\"$" \
	    grep error= log
}

scenario no_host "The number and the words of the error are those of the \
resolver, and the connection is closed at once"
no_host_body()
{
	certificate www
	planned
	known failure 11001 unknown
	far=465
	by_name "timeout backend 60"
	wait_log 'cannot be resolved: unknown'
	plain write hello drain
	check_fails ptHostNotFound "target $host:465: unknown"
}

scenario waits "Who comes before the name is known waits for it"
waits_body()
{
	certified
	planned
	asked
	far_end -s far tls read shutdown
	by_name
	plain_holds write hello shutdown read
	wait_log state=connecting
	tell answer 127.0.0.1
	wait_closed
	far_ends
	atf_check -o inline:hello cat far.out
	check_events <<-EVENTS
	state=connecting
	state=connected VERSION servername=$host backend="$host:$far (127.0.0.1:$far)" subject="CN=far"
	state=closing
	state=closed in=0 out=5 seconds=S
	EVENTS
}

scenario waits_in_vain "But not longer than for a connection: the connect \
timer says what was missing"
waits_in_vain_body()
{
	nameless "timeout backend 1"
	plain write hello drain
	check_fails ptTimeout \
	    "connect timer, 1 second: target $host:465: its name is not resolved yet"
	# The resolver may end as well.
	tell failure 11001 unknown
}

scenario next_while_waiting "A target whose name is not resolved leaves time \
for the next one, and so does one whose name does not exist"
next_while_waiting_body()
{
	certificate www
	planned
	asked
	far_end -k -s www tls read
	client_block "connect to \"$host\" port 465" \
	    "connect to 127.0.0.1 port $far" "ca \"$PWD/www.crt\"" \
	    "timeout backend 2"
	start
	plain write hello shutdown read
	wait_log "state=connected .*backend=127.0.0.1:$far "
	atf_check -o match:"warning=\"target $host:465 down: its name is not resolved yet; retry every 10 seconds\"" \
	    cat log
	atf_check -s exit:1 grep error= log
	tell failure 11001 unknown
	stop_daemon

	rm "name.$host"
	known failure 11001 unknown
	start
	wait_log 'cannot be resolved: unknown'
	plain write hello shutdown read
	wait_log "state=connected .*backend=127.0.0.1:$far "
	atf_check -s exit:1 grep error= log
}

scenario lost_resolver "A resolver that dies while a connection waits is the \
reason why that fails"
lost_resolver_body()
{
	need_look
	nameless "timeout backend 60"
	plain_holds write hello drain
	wait_log state=connecting
	kill -KILL $(titled "$daemon" securetcp-resolver)
	wait_log "error=ptTryAgain number=11002 .* reason=\"target $host:465: resolver terminated: killed by signal 9"
	wait_closed
}

scenario stopped "A daemon that is stopped while a connection waits for a \
name ends it, with its events"
stopped_body()
{
	nameless "timeout backend 60"
	plain_holds write hello drain
	wait_log state=connecting
	stop_daemon
	check_fails ptAbort "stopped by SIGTERM"
	atf_check -s exit:1 grep -i -e fatal= -e violation log
}

scenario each_address "Each address of a name is tried, in the order of the \
resolver, and the next target when all have failed"
each_address_body()
{
	need_addresses 127.0.0.9 127.0.0.10
	certified IP:127.0.0.1
	planned
	known answer 127.0.0.9 127.0.0.10 127.0.0.1
	far_end -k -s far tls read
	by_name
	plain write hello shutdown read
	wait_closed 1
	atf_check -o match:"state=connected .*backend=\"$host:$far \(127.0.0.1:$far\)\"" \
	    cat log
	atf_check -s exit:1 grep -E 'error=|warning="target' log
	stop_daemon

	known answer 127.0.0.9 127.0.0.10
	client_block "connect to \"$host\" port $far" \
	    "connect to 127.0.0.1 port $far" "ca \"$PWD/www.crt\""
	start
	plain write hello shutdown read
	wait_closed 1
	atf_check -o match:"warning=\"target $host:$far down: Connection refused; retry every 10 seconds\"" \
	    -o match:"state=connected .*backend=127.0.0.1:$far " cat log
	atf_check -s exit:1 grep error= log
}

scenario no_address_works "When all addresses fail, the reason has the name \
with each of them, and the error is that of the last"
no_address_works_body()
{
	need_addresses 127.0.0.9 127.0.0.10
	certificate www
	planned
	known answer 127.0.0.9 127.0.0.10
	far_end bind
	by_name
	plain write hello drain
	check_fails ptConnectionRefused \
	    "target $host:$far (127.0.0.9:$far): Connection refused; target $host:$far (127.0.0.10:$far): Connection refused"
}

reached()
{
	plain write hello shutdown read
	in_log "state=connected .*backend=\"$host:$far \(127.0.0.1:$far\)\""
}

scenario moved "A name of which no address works is looked up at once, \
however long that would take otherwise: it may have another one"
moved_body()
{
	need_addresses 127.0.0.9
	certified
	planned
	known answer 127.0.0.9
	far_end -k -s far tls read
	asked_every 24h
	plain write hello drain
	wait_log "error=ptConnectionRefused"
	known answer 127.0.0.1
	wait_until 20 "the other address" reached
}

scenario moved_silent "So is one whose address does not answer"
moved_silent_body()
{
	need_silent
	need_addresses 127.0.0.9
	certified
	planned
	known answer 127.0.0.9
	far_end -k -s far tls read
	far_address=127.0.0.9
	far_port=$far
	far_end $silent
	asked_every 24h
	plain write hello drain
	wait_log "error=ptTimeout"
	known answer 127.0.0.1
	wait_until 60 "the other address" reached
}

scenario interval "A name is looked up as often as resolver interval says"
interval_body()
{
	certified
	planned
	known answer 127.0.0.1
	far_end -k -s far tls read
	asked_every 1s
	wait_until 20 "the name" reached
	known failure 11001 unknown
	wait_log "warning=\"host .*$host.* cannot be resolved: "
	known answer 127.0.0.1
	wait_log "warning=\"host .*$host.* is resolved now\""
}

scenario many_addresses "Of sixteen addresses the last one is still tried"
many_addresses_body()
{
	certified
	planned
	_all=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		_all="$_all 127.0.1.$i"
	done
	# shellcheck disable=SC2086
	need_addresses $_all
	known answer $_all 127.0.0.1
	far_end -s far tls read
	by_name
	plain write hello shutdown read
	wait_log "state=connected .*backend=\"$host:$far \(127.0.0.1:$far\)\""
}

scenario silent_address "A silent address leaves time for the next one, \
which is kept to for a while: not everybody pays for it"
silent_address_body()
{
	need_addresses 127.0.0.9
	certified
	planned
	known answer 127.0.0.9 127.0.0.1
	far_end -k -s far tls read
	# Ports of 127.0.0.1 are taken all the time, those of others are not.
	far_address=127.0.0.9
	far_port=$far
	far_end full
	by_name "timeout backend 4"
	for i in 1 2 3; do
		plain write hello shutdown read
		wait_closed "$i"
	done
	atf_check -o inline:"3\n" \
	    grep -c "state=connected .*backend=\"$host:$far (127.0.0.1:$far)\"" log
	sed -n 's/.*state=closed .* seconds=//p' log >seconds
	# Half of the time the first one, and nothing the others.
	atf_check awk 'NR == 1 ? $1 < 1.9 || $1 > 3.5 : $1 > 1 { exit 1 }' \
	    seconds
}

scenario wrong_name "A name is looked for as it was written, not as the \
address that it has"
wrong_name_body()
{
	authority www
	issue www far "DNS:other.example.org,IP:127.0.0.1"
	planned
	known answer 127.0.0.1
	far_end -s far tls read
	by_name
	plain write secret read
	nothing_sent
	atf_check -o match:"^asked for $host$" cat far.err
	wait_log "error=ptAuthentication .* reason=\"the server's certificate is not for $host\""
}

scenario dot "A host name that ends in a dot is looked up with it, asked for \
and looked for without" require.progs openssl
dot_body()
{
	host=far.example.org
	certified
	planned
	far_end -k -s far tls read
	echo answer 127.0.0.1 >"name.$host."
	known failure 11001 unknown
	client_block "connect to \"$host.\" port $far" "ca \"$PWD/www.crt\""
	start
	plain shutdown read
	wait_closed
	atf_check -o match:"^asked for $host\$" cat far.err
	wait_log "state=connected .*servername=$host backend=\"$host.:$far"
	stop_daemon

	client_block "connect to 127.0.0.1 port $far" "ca \"$PWD/www.crt\"" \
	    "servername \"$host.\""
	start
	plain shutdown read
	wait_closed
	wait_log "state=connected .*servername=$host backend=127"
}

atf_init_test_cases()
{
	add_scenarios
}
