# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Sessions of client blocks gone bad: it is the target that gives the orders
# here, as one does that has exploited the session which talks to it.

. "$(atf_get_srcdir)/rogue.sh"
around=serve_out

# serve_out: as serve_all, and two client blocks to a target that orders what
# the file words says: out has no certificate, own has one.
serve_out()
{
	serve_all
	"$peer" -k -t 280 -p target.port accept 127.0.0.1:0 send words drain \
	    >/dev/null 2>&1 &
	echo $! >>pids
	wait_until 20 "the target" test -s target.port
	_seconds=$((3 * ${RUNATF_SLOW:-1}))
	for _n in out own; do
		cat >>securetcpd.conf <<-CONF
		client "$_n" {
			listen on 127.0.0.1 port 0
			connect to 127.0.0.1 port $(cat target.port)
			ca "$PWD/www.crt"
			prefork 16
			timeout handshake $_seconds
			connections per source 1000
		}
		CONF
	done
	edit securetcpd.conf '$s/}/	certificate "www"; }/'
}

# As in rogue.sh; which target it was is not the question.
errors()
{
	sed -n 's/^server=\([a-z]*\) session=[0-9]* from=[^ ]* \(error=.*\)/\1 \2/p' \
	    log | sed 's/ backend=127\.0\.0\.1:[0-9]*$//'
}

# rogue BLOCK "WORDS": as in rogue.sh, but the target says them, to whom a
# client has something to say.  What that client gets is in got.
rogue()
{
	case $1 in
	out|own)
		printf 'ROGUE %s\n' "$2" >words
		"$peer" -t 60 connect "127.0.0.1:$(port_of "$1")" \
		    write secret read >got 2>/dev/null ;;
	*)
		"$peer" -t 60 connect "127.0.0.1:$(port_of "$1")" \
		    raw "ROGUE $2\\x0a" drain 2>/dev/null ;;
	esac
}

twice lies "A session that negotiates with the target may not say more than \
one of a server block"
lies()
{
	while read -r n name why <&3; do
		prove out "type $n min" "violation: message $name ($n): $why"
		prove out "established - receive type $n min" \
		    "violation: message $name ($n): $why"
		atf_check -o empty cat got
	done 3<<-TYPES
	19 ADOPT unknown message
	22 ACCEPT unknown message
	32 ADDRESS not in this state
	TYPES
	prove out "claim 1 0 - -" \
	    "violation: ESTABLISHED by a rule that forwards nowhere"
	prove out "servername www.example.org established -" \
	    "violation: a server name that is none"
	prove out "established - established -" \
	    "violation: message ESTABLISHED (26): a second time"
	prove out "fds 1 established -" \
	    "violation: message ESTABLISHED (26): a descriptor was sent"
	prove out "done 1 0 0 0 -" \
	    "violation: DONE with an unknown error number"
	prove out "half closepipe stay" "its pipe ended and it did not leave"
	prove out "established - receive closepipe stay" \
	    "its pipe ended and it did not leave"
	prove out "exit 7" "exit code 7"
	prove out "kill 9" "killed by signal 9 (Killed)"
	prove out "established - receive kill 11" \
	    "killed by signal 11 (Segmentation fault)"
}

twice signatures "It gets one signature with the certificate of its own \
block, and none where that has no certificate"
signatures()
{
	other="violation: a signature was asked for with a key that is not \
its server's"
	id=$(openssl rsa -in good.key -RSAPublicKey_out -outform DER \
	    2>/dev/null | sha256)
	www=$(openssl pkey -in www.key -pubout -outform DER 2>/dev/null |
	    tail -c 65 | sha256)
	prove out "askid $id" "$other"
	prove out "askid $www" "$other"
	prove own "askid $id" "$other"
	refused own "ask 33" "not as long as a SHA-256, SHA-384 or SHA-512 \
digest"
	# The signer signs the first; a refusal could end the session before
	# its second is read.
	prove own "ask 32 ask 32" \
	    "violation: message ASKSIGN (25): a second time"
	prove own "established - ask 32" \
	    "violation: message ASKSIGN (25): not in this state"
}

# unread_is N: bytes that the daemon holds unread of the clients of out.
unread_is() { [ "$(unread "$(port_of out)")" = "$1" ]; }

twice withheld "Before it says that it is connected it has not the socket of \
the client, and none of its bytes"
withheld()
{
	need_unread
	printf 'ROGUE stay\n' >words
	"$peer" -t 60 connect "127.0.0.1:$(port_of out)" write secret read \
	    >got 2>/dev/null &
	peer_pid=$!
	wait_until 20 "a session" adopted
	wait_until 20 "all of it unread" unread_is 6
	# Every socket it has, by the kernel's numbers, is none of those.
	its_sockets "$session" | sort >its
	their_sockets "$(port_of out)" | sort >theirs
	atf_check test -s its
	atf_check test -s theirs
	atf_check -o empty comm -12 its theirs
	wait $peer_pid
	atf_check -o empty cat got
	errors | grep ptTimeout >late
	atf_check_equal 1 "$(grep -c \
	    'out error=ptTimeout .*handshake timer, [0-9]* seconds' late)"
	cat late >>expected
}
# its_sockets PID, and their_sockets PORT of those that are accepted there: by
# a name that both have them by.
its_sockets()
{
	case $system in
	Linux)
		for _fd in /proc/"$1"/fd/*; do
			readlink "$_fd"
		done | sed -n 's/^socket:\[\(.*\)\]$/\1/p' ;;
	*)
		sockets_of "$1" ;;
	esac
}
their_sockets()
{
	case $system in
	Linux)
		awk -v port="$(printf %04X "$1")" \
		    '$2 ~ ":" port "$" && $4 == "01" { print $10 }' \
		    /proc/net/tcp ;;
	*)
		sockets_of "$daemon" | grep -e ":$1 " ;;
	esac
}
# Both ends of each, and an address of the kernel's.
sockets_of()
{
	fstat -p "$1" | awk '$5 ~ /^(internet6?|local|unix)$/' |
	    sed 's/.*\* //'
}
# session: the one of out that the log names, once it has more than its pipe.
# The handshake timer runs meanwhile: not every process is looked at.
adopted()
{
	_n=$(sed -n 's/^server=out session=\([0-9]*\) .* state=connecting$/\1/p' \
	    log | tail -n 1)
	session=$(for _w in $(spawners); do
		titled "$_w" "securetcp-session: $_n out "
	done)
	[ -n "$session" ] &&
	    [ "$(descriptors_of "$session" | grep -c ' socket$')" -gt 1 ]
}

atf_init_test_cases()
{
	add_scenarios
}
