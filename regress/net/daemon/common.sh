# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# What the end-to-end tests share.  Everything a test makes is in its own
# working directory, and everything it starts is written to the file pids,
# so that its cleanup finds it again.

umask 022
top=$(cd "$(atf_get_srcdir)/../../.." && pwd)
securetcpd=$top/sbin/securetcpd/securetcpd
peer=$top/regress/tools/peer
. "$top/regress/tools/system.sh"
poll=0.05			# seconds between two looks at a condition
# Peers here misbehave all the time; empty: nobody is trusted.
trusted="127.0.0.0/8, ::1/128"

# scenario NAME "what must hold" [KEY VALUE]...
# A test case whose head and cleanup are always the same.
scenario()
{
	atf_test_case "$1" cleanup
	_head="atf_set descr '$2'"
	_name=$1
	shift 2
	while [ $# -ge 2 ]; do
		_head="$_head; atf_set $1 '$2'"
		shift 2
	done
	case $_head in
	*"atf_set timeout "*)	;;
	*)			_head="$_head; atf_set timeout 120" ;;
	esac
	eval "${_name}_head() { $_head; }"
	eval "${_name}_cleanup() { clean_up; }"
	scenarios="$scenarios $_name"
}

add_scenarios()
{
	for _s in $scenarios; do
		atf_add_test_case "$_s"
	done
}

# wait_until SECONDS "what is waited for" COMMAND...; more on a slow machine,
# see mk/runatf.sh.
wait_until()
{
	_deadline=$(($(date +%s) + $1 * ${RUNATF_SLOW:-1}))
	_what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		if [ "$(date +%s)" -gt "$_deadline" ]; then
			show_log
			atf_fail "waited in vain: $_what"
		fi
		sleep "$poll"
	done
}

show_log()
{
	if [ -f log ]; then
		echo "--- the log of securetcpd:"
		tail -n 60 log
		echo "---"
	fi
}

# steady: the count of a flooding peer (-c sent) stands still between two looks.
steady()
{
	_before=$now
	now=$(cat sent 2>/dev/null)
	[ -n "$now" ] && [ "$now" = "$_before" ]
}

# hello_of: a ClientHello, in the file hello.
hello_of()
{
	rm -f sink.port background.out heard
	background "$peer" -p sink.port accept 127.0.0.1:0 readn 1 \
	    touch heard read
	_sink=$pid
	wait_until 20 "a port" test -s sink.port
	openssl s_client -connect "127.0.0.1:$(cat sink.port)" </dev/null \
	    >/dev/null 2>&1 &
	wait_until 20 "the hello" test -f heard
	kill $!
	wait_until 20 "its end" dead "$_sink"
	cp background.out hello
}

not() { if "$@"; then return 1; fi; }
gone() { ! kill -0 "$1" 2>/dev/null; }

# A zombie still answers to kill -0, and is not running.
dead() { gone "$1" || zombie "$1"; }

# background COMMAND...: its pid is in $pid; nothing of ours stays open in it.
background()
{
	"$@" </dev/null >>background.out 2>>background.err &
	pid=$!
	echo $pid >>pids
}

clean_up()
{
	[ ! -f pids ] || end_all
	remove_addresses
}

end_all()
{
	for _p in $(cat pids); do
		kill -TERM "$_p" 2>/dev/null
		kill -CONT "$_p" 2>/dev/null
	done
	for _p in $(cat pids); do
		_i=0
		until dead "$_p"; do
			if [ $_i -eq 40 ]; then
				kill -KILL "$_p" 2>/dev/null
			elif [ $_i -ge 80 ]; then
				echo "process $_p does not leave" >&2
				break
			fi
			_i=$((_i + 1))
			sleep "$poll"
		done
	done
	rm -f pids
}

# certificate NAME [rsa:BITS | P-256 | P-384 | P-521]: NAME.crt, NAME.key
certificate()
{
	case ${2:-P-256} in
	rsa:*)
		_alg="-newkey $2" ;;
	*)
		_alg="-newkey ec -pkeyopt ec_paramgen_curve:${2:-P-256}" ;;
	esac
	# shellcheck disable=SC2086
	openssl req -x509 -sha256 $_alg -nodes -days 90 -subj /CN=localhost \
	    -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 \
	    -keyout "$1.key" -out "$1.crt" 2>openssl.err || {
		cat openssl.err
		atf_fail "openssl req failed"
	}
	chmod 600 "$1.key"
}

# configure: the global statements every test needs, then standard input.
configure()
{
	[ -f www.crt ] || certificate www
	{
		cat <<-CONF
		user "nobody"
		signer user "daemon"
		pidfile "$PWD/securetcpd.pid"
		certificate "www" {
			chain "$PWD/www.crt"
			key "$PWD/www.key"
		}
		CONF
		[ -z "$trusted" ] || echo "trusted proxies { $trusted }"
		cat
	} >securetcpd.conf
}

# serve [STATEMENT]...: one server, www, on a port of the kernel's choice.
serve()
{
	{
		echo 'server "www" {'
		echo '	listen on 127.0.0.1 port 0'
		echo '	certificate "www"'
		for _s in "$@"; do
			printf '\t%s\n' "$_s"
		done
		echo '}'
	} | configure
}

# own_control [WORDS]: the configuration has a control socket here, without
# which one in the background, like any other on this host, has the default.
own_control()
{
	echo "control socket \"$PWD/control\" $*" >>securetcpd.conf
}

# launch [COMMAND...]: securetcpd in the foreground, its log in the file log;
# COMMAND runs it ("$as -n 64 ...").  Its pid is in $daemon.
launch()
{
	# What one before it said is not to be taken for its own.
	rm -f log
	"$@" "$securetcpd" -d -f securetcpd.conf </dev/null >out 2>log &
	daemon=$!
	echo $daemon >>pids
}

# start [COMMAND...]: the same, and waits until it listens.
start()
{
	launch "$@"
	wait_until 20 "securetcpd to listen" listening_or_dead
	if dead "$daemon"; then
		show_log
		atf_fail "securetcpd did not start"
	fi
	port=$(port_of www)
}

# raises: root may raise its own hard limit, but not everywhere.
raises() { "$as" -n 64:64 sh -c 'ulimit -n 65' 2>/dev/null; }

# sanitize: the parent of a build tree of our own, under sanitizers.
sanitize()
{
	[ -x "$top/regress/net/sanitized/parent" ] ||
	    atf_skip "no sanitizers here"
	mkdir -p tree/sbin/securetcpd tree/libexec
	cp "$top/regress/net/sanitized/parent" tree/sbin/securetcpd/securetcpd
	ln -s "$top"/libexec/* tree/libexec
	securetcpd=$PWD/tree/sbin/securetcpd/securetcpd
}

listening_or_dead()
{
	grep -q '^msg=started$' log || dead "$daemon"
}

# port_of SERVER: of its first listener.
port_of()
{
	sed -n "s/^server=$1 listen=.*:\([0-9][0-9]*\)\$/\1/p" log | sed 1q
}

# (A ksh has an alias "stop".)
stop_daemon()
{
	kill -TERM "$daemon"
	wait "$daemon"
}

# in_log PATTERN: an extended regular expression.
in_log() { grep -Eq -- "$1" log; }

wait_log() { wait_until "${2:-20}" "log: $1" in_log "$1"; }

# closed [COUNT]: so many sessions have come to their end.
closed_count() { [ "$(grep -c 'state=closed' log)" -ge "$1" ]; }
wait_closed() { wait_until "${2:-20}" "${1:-1} closed" closed_count "${1:-1}"; }

# events: the lines of sessions, without what differs from run to run.
events()
{
	grep -E '^server=[a-z]+ (session|from)=' log |
	    sed -E -e 's/ session=[0-9]+/ session=N/' \
	    -e 's/ from=(127\.0\.0\.[0-9]+|\[::1\]):[0-9]+/ from=PEER/' \
	    -e 's/ version=TLSv1\.[23] cipher=[^ ]+/ VERSION/' \
	    -e 's/ seconds=[0-9.]+/ seconds=S/'
}

# check_events: that exactly standard input is what happened; a line of it
# lacks the keys that every event begins with.
check_events()
{
	sed 's/^/server=www session=N from=PEER /' >expected
	wait_until 20 "as many events" enough_events
	events >happened
	if ! diff -u expected happened; then
		show_log
		atf_fail "other events than expected"
	fi
}
enough_events() { [ "$(events | wc -l)" -ge "$(wc -l <expected)" ]; }

# failure NAME "REASON": the error that an event tells of.
failure()
{
	case $1 in
	ptAbort)
		_told="11103 The connection was aborted by request." ;;
	ptAuthentication)
		_told="12012 The client could not be authenticated." ;;
	ptConnectionAborted)
		_told="10053 The connection was aborted." ;;
	ptConnectionRefused)
		_told="10061 The connection was refused." ;;
	ptConnectionReset)
		_told="10054 The connection was reset by the peer." ;;
	ptError)
		_told="11100 An unexpected error occurred." ;;
	ptHostNotFound)
		_told="11001 The host was not found." ;;
	ptOperationRefused)
		_told="12019 The operation was refused." ;;
	ptProtocol)
		_told="11101 Security protocol negotiation failed." ;;
	ptTimeout)
		_told="10060 The operation timed out." ;;
	*)
		atf_fail "failure: $1: which is that?" ;;
	esac
	printf 'error=%s number=%s description="%s" reason="%s"\n' "$1" \
	    "${_told%% *}" "${_told#* }" "$2"
}

# check_fails NAME "REASON" [TIMES [MORE]]: that it fails so before it is
# connected, once or so many times in a row, is all that happened.
check_fails()
{
	_i=0
	while [ $((_i += 1)) -le "${3:-1}" ]; do
		cat <<-EVENTS
		state=connecting
		$(failure "$1" "$2")$4
		state=closing
		state=closed in=0 out=0 seconds=S
		EVENTS
	done >failing
	check_events <failing
}

# Processes of the daemon, by their titles; see tools/system.sh.
titled()
{
	children_titled "$1" | while read -r _c _title; do
		case $_title in
		$2*)	echo "$_c" ;;
		esac
	done
}
signers() { titled "$daemon" securetcp-signer:; }
spawners() { titled "$daemon" securetcp-spawner:; }
# The sessions of the present spawners, idle ones too.
sessions()
{
	for _w in $(spawners); do
		children "$_w"
	done
}
# The sessions that have a connection in the given state.
busy()
{
	for _w in $(spawners); do
		children_titled "$_w" | while read -r _c _title; do
			case $_title in
			*" ${1:-connected}")	echo "$_c" ;;
			esac
		done
	done
}
count() { echo $#; }
# shellcheck disable=SC2046
busy_count() { [ "$(count $(busy "$2"))" -eq "$1" ]; }
family() { echo "$daemon" $(signers) $(spawners) $(sessions); }

# shows [-o CHECK]... FUNCTION ARGUMENT...: atf_check for a shell function.
shows()
{
	_checks=
	while [ "$1" = -o ]; do
		printf '%s\n' "$2" >"shows.$((_n_checks = _n_checks + 1))"
		_checks="$_checks $_n_checks"
		shift 2
	done
	"$@" >shows.out || atf_fail "$*: no success"
	for _c in $_checks; do
		atf_check -o "$(cat "shows.$_c")" cat shows.out
	done
}

# To look at the processes of others, and to kill some.
need_look()
{
	[ "$(id -u)" -eq 0 ] ||
	    atf_skip "needs root, to look at other users' processes"
	case $system in
	Linux)	[ -d /proc/self/fd ] || atf_skip "there is no /proc" ;;
	*)	for _tool in ps fstat; do
			command -v $_tool >/dev/null ||
			    atf_skip "there is no $_tool"
		done ;;
	esac
}

# To look into the processes of others takes a capability that containers
# may withhold from their root.
need_ptrace()
{
	need_look
	[ "$system" = Linux ] || return 0
	[ $((0x$(status_of self CapEff) >> 19 & 1)) -eq 1 ] ||
	    atf_skip "needs CAP_SYS_PTRACE, to look into other processes"
}

# To search the memory of others, as memfind does.
need_memory()
{
	need_ptrace
	[ "$system" != Linux ] || return 0
	sleep 60 &
	_sleeping=$!
	echo "text probe $(printf '%064d' 7)" >probe
	"$top/regress/tools/memfind" probe $_sleeping >/dev/null 2>probe.err
	_status=$?
	kill $_sleeping
	[ $_status -lt 2 ] || atf_skip "the memory of others cannot be looked \
into (on OpenBSD sysctl kern.global_ptrace=1 allows it): $(cat probe.err)"
}

# authority_conf: of openssl req, for a certificate that may issue others.
authority_conf()
{
	cat <<-'CONF'
	[req]
	distinguished_name = name
	x509_extensions = authority
	[name]
	[authority]
	basicConstraints = critical,CA:TRUE
	keyUsage = critical,keyCertSign,cRLSign
	subjectKeyIdentifier = hash
	CONF
}

# need_linux "why": what this tests is Linux's.
need_linux() { [ "$system" = Linux ] || atf_skip "$1"; }

# refuser NAME: a port that refuses connections, as port_NAME and in the file
# NAME.port; where there has to be somebody to keep it, his pid is pid_NAME.
refuser()
{
	rm -f "$1.port"
	background "$peer" -t 110 -p "$1.port" bind 127.0.0.1:0
	eval "pid_$1=$pid"
	wait_until 20 "port $1" test -f "$1.port"
	eval "port_$1=$(cat "$1.port")"
	let_refuse "$pid"
}

# Connections that nobody takes and nobody refuses, for peer: on Linux those to
# a port whose queue is full, on OpenBSD those to one that nobody listens on.
# FreeBSD resets the former and refuses the latter.
case $system in
OpenBSD)	silent=bind ;;
*)		silent=full ;;
esac
need_silent()
{
	[ "$system" != FreeBSD ] ||
	    atf_skip "no port is silent here: where a queue is full it resets"
}

# need_busy: a unix socket whose queue is full is waited for.
need_busy()
{
	need_linux "a unix socket whose queue is full refuses here"
}

# let_refuse PID: of one that has a port and does not listen.  OpenBSD drops
# what comes for such a port, so there it has to be nobody's.
let_refuse()
{
	[ "$system" = OpenBSD ] || return 0
	kill "$1"
	wait_until 20 "the port to be nobody's" dead "$1"
}
