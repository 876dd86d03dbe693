# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# How it is started, what it checks first, and what it says when it cannot.

. "$(atf_get_srcdir)/common.sh"

# refuse TEXT: it does not start, exit 1, and says so on stderr or the log.
refuse()
{
	launch
	wait_until 20 "its end" dead "$daemon"
	wait "$daemon"
	atf_check_equal 1 $?
	atf_check -o match:"$1" cat log
}

served()
{
	[ "$("$peer" connect "127.0.0.1:$port" tls write served shutdown \
	    read 2>/dev/null)" = served ]
}

scenario check_good "-n finds a good configuration OK and starts nothing"
check_good_body()
{
	serve echo
	atf_check -o inline:"configuration OK\n" "$securetcpd" -n \
	    -f securetcpd.conf
	atf_check test ! -e securetcpd.pid
}

scenario check_bad "-n lists every error with file, line and token, and \
exits 1"
check_bad_body()
{
	serve echo 'timeout handsake 3' 'connections max many' 'ecko'
	cat securetcpd.conf
	line=$(grep -n handsake securetcpd.conf | cut -d : -f 1)
	atf_check -s exit:1 \
	    -e match:"securetcpd.conf:$line: .*handsake" \
	    -e match:"securetcpd.conf:$((line + 1)): .*many" \
	    -e match:"securetcpd.conf:$((line + 2)): .*ecko" \
	    -o not-match:"configuration OK" \
	    "$securetcpd" -n -f securetcpd.conf
}

scenario check_macro "-D overrides a macro"
check_macro_body()
{
	serve 'echo; timeout handshake $seconds'
	{ echo 'seconds = "many"'; cat securetcpd.conf; } >m.conf
	atf_check -s exit:1 -e match:"many" "$securetcpd" -n -f m.conf
	atf_check -o inline:"configuration OK\n" "$securetcpd" -n \
	    -D seconds=7 -f m.conf
}

scenario check_missing "A configuration that is not there is named"
check_missing_body()
{
	atf_check -s exit:1 -e match:"$PWD/none.conf: No such file" \
	    "$securetcpd" -n -f "$PWD/none.conf"
}

scenario check_mismatch "-n finds a key that is not that of its certificate"
check_mismatch_body()
{
	for k in P-256 rsa:2048; do
		certificate www $k
		certificate other $k
		cp other.key www.key
		serve echo
		atf_check -s exit:1 -e match:"(www|$PWD/www)" \
		    -o not-match:"configuration OK" \
		    "$securetcpd" -n -f securetcpd.conf
		refuse www
	done
}

scenario check_secret "A key that group or others can read is refused"
check_secret_body()
{
	serve echo
	chmod 640 www.key
	atf_check -s exit:1 -e match:"www.key" \
	    "$securetcpd" -n -f securetcpd.conf
	refuse www.key
}

scenario check_ed25519 "An Ed25519 key is refused with a message of its own"
check_ed25519_body()
{
	openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=localhost \
	    -keyout www.key -out www.crt 2>/dev/null
	chmod 600 www.key
	serve echo
	atf_check -s exit:1 -e match:"Ed25519" \
	    "$securetcpd" -n -f securetcpd.conf
}

scenario usage "Wrong options get the usage line"
usage_body()
{
	serve echo
	atf_check -s exit:1 -e match:"^usage: securetcpd \[-" \
	    "$securetcpd" -x
	atf_check -s exit:1 -e match:"^usage: securetcpd \[-" \
	    "$securetcpd" -n -f securetcpd.conf extra
	atf_check -s exit:1 -e match:"nonsense" \
	    "$securetcpd" -n -D nonsense -f securetcpd.conf
}

scenario build_tree "Run from the build tree it uses the helpers beside it, \
and says so"
build_tree_body()
{
	serve echo
	start
	atf_check -o match:"$top/libexec" cat log
}

scenario port_in_use "A second start on the same port says which, and exits 1"
port_in_use_body()
{
	serve echo
	start
	cp log log.first
	sed -e "s/port 0/port $port/" -e s/securetcpd.pid/second.pid/ \
	    securetcpd.conf >c
	mv c securetcpd.conf
	refuse "127\.0\.0\.1:$port.*Address already in use"
	# The first is not disturbed.
	served || atf_fail "the first one does not serve any more"
}

# absent [WORD]: a server that listens on $absent, too, an address that is not
# there.  Each process has its own, as some of them make it appear.
absent()
{
	[ "$(cat /proc/sys/net/ipv4/ip_nonlocal_bind 2>/dev/null)" != 1 ] ||
	    atf_skip "addresses that are not there can be bound here"
	absent=192.0.2.$(($$ % 250 + 2))
	serve "listen on $absent port 24078 $1" echo
}

scenario address_absent "An address to listen on that is not there is warned \
of, and the rest is served"
address_absent_body()
{
	absent
	start
	atf_check -o inline:"1\n" grep -Ec "^server=www warning=\"listen on \
$absent:24078: .*; tried again every 5 seconds\"\$" log
	served || atf_fail "the other address is not served"
	stop_daemon
	atf_check_equal 0 $?
}

scenario address_appears "When it is there it is listened on, and served" \
    require.user root
address_appears_body()
{
	absent
	start
	wait_log "warning=\"listen on $absent:24078: "
	need_addresses "$absent"
	wait_log "^server=www listen=$absent:24078\$"
	atf_check -o inline:there -e ignore "$peer" connect \
	    "$absent:24078" tls write there shutdown read
	atf_check -o inline:"1\n" grep -c "tried again" log
}

scenario address_required "With required it is fatal that it is not there"
address_required_body()
{
	absent required
	refuse "^fatal=.*listen on $absent:24078: "
}

scenario pidfile "The pidfile has the pid, and a second start with the same \
is refused"
pidfile_body()
{
	serve echo
	start
	first=$daemon
	atf_check -o inline:"$daemon\n" cat securetcpd.pid
	shows -o inline:"600 securetcpd.pid\n" modes securetcpd.pid
	refuse "securetcpd.pid"
	atf_check -o match:"$first" cat log
	served || atf_fail "the first one does not serve any more"
	atf_check -o inline:"$first\n" cat securetcpd.pid
}

scenario background_start "Without -d it goes to the background and is \
found by its pidfile"
background_start_body()
{
	need_look
	# The port cannot be read from syslog here: a free one is configured.
	background "$peer" -p free bind 127.0.0.1:0
	wait_until 20 "a port" test -f free
	port=$(cat free)
	kill "$pid"
	wait_until 20 "the port to be free" dead "$pid"
	serve echo
	own_control
	sed "s/port 0/port $port/" securetcpd.conf >c
	mv c securetcpd.conf
	atf_check -e ignore "$securetcpd" -f securetcpd.conf
	cat securetcpd.pid >>pids
	wait_until 20 "service" served
	daemon=$(cat securetcpd.pid)
	all=$(family)
	for p in $all; do
		descriptors_of "$p" >held 2>/dev/null
		# An idle session may have left meanwhile.
		dead "$p" || atf_check -o match:"^0 /dev/null$" \
		    -o match:"^2 /dev/null$" cat held
	done
	kill -TERM "$daemon"
	wait_until 20 "its end" dead "$daemon"
}

scenario background_fails "Without -d a start that fails is told to whoever \
started it, and exits 1"
background_fails_body()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "needs root"
	serve echo
	start
	own_control
	sed -e "s/port 0/port $port/" -e s/securetcpd.pid/second.pid/ \
	    securetcpd.conf >second.conf
	atf_check -s exit:1 -e match:"127\.0\.0\.1:$port" \
	    "$securetcpd" -f second.conf
}

# As an ordinary user, who owns what is in the directory.
ordinary="$as -u nobody"

scenario ordinary_user "An ordinary user can run it with -d, is told what \
it cannot do, and gets a sandbox still"
ordinary_user_body()
{
	[ "$(id -u)" -eq 0 ] || ordinary=
	serve echo
	[ "$(id -u)" -ne 0 ] || chown nobody . www.key www.crt
	# shellcheck disable=SC2086
	start $ordinary
	cat log
	atf_check -o match:"warning=.*chroot" -o match:"warning=.*user" \
	    cat log
	atf_check -o match:"sandbox=$sandbox" grep '^process=' log
	served || atf_fail "not served"
	stop_daemon
	atf_check_equal 0 $?
}

scenario ordinary_user_refused "An ordinary user without -d is refused"
ordinary_user_refused_body()
{
	[ "$(id -u)" -eq 0 ] || ordinary=
	serve echo
	[ "$(id -u)" -ne 0 ] || chown nobody . www.key www.crt
	# shellcheck disable=SC2086
	atf_check -s exit:1 -e match:"root" \
	    $ordinary "$securetcpd" -f securetcpd.conf
	atf_check test ! -e securetcpd.pid
}

scenario unknown_user "A user that does not exist is named"
unknown_user_body()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "needs root"
	serve echo
	sed 's/^user .*/user "_nobody_of_that_name"/' securetcpd.conf >c
	mv c securetcpd.conf
	refuse "_nobody_of_that_name"
}

# serve_free: echoes on a port that is known before the log can be read.
serve_free()
{
	serve echo
	background "$peer" -p free bind 127.0.0.1:0
	wait_until 20 "a port" test -f free
	port=$(cat free)
	kill "$pid"
	wait_until 20 "the port to be free" dead "$pid"
	{ echo "log verbose"; sed "s/port 0/port $port/" securetcpd.conf; } >c
	mv c securetcpd.conf
}

scenario log_unread "A log that nobody reads stops nothing: connections are \
served, and the lines lost are counted once it is read again" \
    timeout 300
log_unread_body()
{
	serve_free
	mkfifo fifo
	# Held open here, and not read.
	exec 9<>fifo
	"$securetcpd" -d -f securetcpd.conf </dev/null >/dev/null 2>fifo &
	daemon=$!
	echo $daemon >>pids
	wait_until 20 "service" served
	# A pipe holds 64 KiB, the daemon 256 more; a connection logs over
	# 300 bytes.
	i=0
	while [ $i -lt 1500 ]; do
		served || atf_fail "number $i was not served"
		i=$((i + 1))
	done
	cat <fifo >log &
	reader=$!
	echo $reader >>pids
	exec 9>&-
	wait_until 30 "the count of what was lost" dropped_logged
	served || atf_fail "not served after the log was read"
	atf_check -o match:"count=[1-9]" grep dropped log
	stop_daemon
	atf_check_equal 0 $?
}
dropped_logged() { grep -q "dropped.* count=" log; }

scenario log_terminal "A terminal that nobody reads stops nothing either"
log_terminal_body()
{
	serve_free
	"$top/regress/tools/terminal" read "$securetcpd" -d \
	    -f securetcpd.conf </dev/null >log 2>terminal.err &
	daemon=$!
	echo $daemon >>pids
	wait_until 20 "service" served
	# A terminal holds some kilobytes.
	i=0
	while [ $i -lt 60 ]; do
		served || atf_fail "number $i was not served"
		i=$((i + 1))
	done
	touch read
	wait_log "session=61 .*state=closed"
	stop_daemon
	atf_check_equal 0 $?
	atf_check_equal 61 "$(grep -c state=connected log)"
}

scenario log_full "A log that cannot be written to stops nothing: lines wait \
until it can, and those lost are counted, with the reason" timeout 600
log_full_body()
{
	serve_free
	: >log
	(ulimit -f 8 && exec "$securetcpd" -d -f securetcpd.conf) \
	    </dev/null >/dev/null 2>>log &
	daemon=$!
	echo $daemon >>pids
	wait_until 20 "service" served
	i=0
	while [ $i -lt 1200 ]; do
		served || atf_fail "number $i was not served"
		i=$((i + 1))
	done
	# As a rotation does; some lines come at a time.
	_deadline=$(($(date +%s) + 60 * ${RUNATF_SLOW:-1}))
	until cat log >>all && : >log && grep -q 'dropped.* count=[1-9]' all; do
		[ "$(date +%s)" -lt $_deadline ] ||
		    atf_fail "nothing tells of what was lost"
		sleep 0.1
	done
	atf_check -o match:"log lines dropped: File too large" grep dropped all
	served || atf_fail "not served after there was room"
	stop_daemon
	atf_check_equal 0 $?
}

scenario log_clock "A clock that is set back while there is no syslogd does \
not keep the daemon from finding the next one" require.user root \
require.progs "cc python3 unshare"
log_clock_body()
{
	need_linux "gives the daemon a /dev and a clock of its own"
	unshare -m true 2>/dev/null || atf_skip "no mounts of its own here"
	cat >clock.c <<-C
	#include <sys/syscall.h>
	#include <sys/time.h>
	#include <time.h>
	#include <unistd.h>
	static time_t
	back(void)
	{
		return (access("$PWD/back", F_OK) == 0 ? 3600 : 0);
	}
	int
	clock_gettime(clockid_t id, struct timespec *ts)
	{
		if (syscall(SYS_clock_gettime, id, ts) != 0)
			return (-1);
		if (id == CLOCK_REALTIME)
			ts->tv_sec -= back();
		return (0);
	}
	time_t
	time(time_t *t)
	{
		struct timespec	 ts;

		(void)clock_gettime(CLOCK_REALTIME, &ts);
		if (t != NULL)
			*t = ts.tv_sec;
		return (ts.tv_sec);
	}
	C
	atf_check cc -shared -fPIC -o clock.so clock.c
	cat >syslogd.py <<-'PY'
	import os, socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind("dev/log")
	f = open(sys.argv[1], "ab", 0)
	while True: f.write(s.recv(8192) + b"\n")
	PY
	mkdir dev
	for d in null urandom random zero; do
		: >dev/$d
	done
	background python3 syslogd.py first
	syslogd=$pid
	wait_until 20 "a syslogd" test -S dev/log
	serve_free
	atf_check -e ignore unshare -m sh -c "
		mount --make-rprivate / &&
		for d in null urandom random zero; do
			mount --bind /dev/\$d dev/\$d || exit 1
		done &&
		mount --rbind dev /dev || exit 1
		LD_PRELOAD=$PWD/clock.so exec $securetcpd -f securetcpd.conf"
	cat securetcpd.pid >>pids
	daemon=$(cat securetcpd.pid)
	wait_until 20 "its log" grep -q 'msg=started' first
	kill "$syslogd"
	wait_until 20 "syslogd to be gone" dead "$syslogd"
	rm dev/log
	# It is looked for again, in vain, by the old time.
	served || atf_fail "not served without a log"
	: >back
	background python3 syslogd.py second
	wait_until 20 "the next syslogd" test -S dev/log
	wait_until 20 "its log" logged_again
	kill -TERM "$daemon"
	wait_until 20 "its end" dead "$daemon"
}
logged_again()
{
	served
	grep -q 'state=connecting' second
}

atf_init_test_cases()
{
	add_scenarios
}
