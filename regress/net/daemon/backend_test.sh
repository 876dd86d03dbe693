# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Several backends: by turns, the next one when one fails, one that failed
# down for a while and tried again.

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/../../tools/nginx.sh"

# backend NAME: a unix socket, NAME.sock, that says NAME and its end.
backend()
{
	background "$peer" -t 110 -k accept "$PWD/$1.sock" write "$1" \
	    shutdown read
	eval "pid_$1=$pid"
	wait_until 20 "backend $1" test -S "$1.sock"
}

# tcp NAME COMMAND...: the same on a port of the kernel's choice; sets
# port_NAME.
tcp()
{
	_n=$1
	shift
	rm -f "$_n.port"
	background "$peer" -t 110 -k -p "$_n.port" "$@"
	eval "pid_$_n=$pid"
	wait_until 20 "backend $_n" test -f "$_n.port"
	eval "port_$_n=$(cat "$_n.port")"
}
full()
{
	need_silent
	tcp "$1" $silent 127.0.0.1:0
}
refusing() { refuser "$1"; }
tcp_backend() { tcp "$1" accept 127.0.0.1:0 write "$1" shutdown read; }

# Statements that name them.
to() { echo "forward to \"$PWD/$1.sock\"${2:+ $2}"; }
to_port() { eval "echo forward to 127.0.0.1 port \$port_$1"; }

# ask [FILE [OPTION]...]: which one answers.
ask()
{
	_f=${1:-answer}
	[ $# -eq 0 ] || shift
	"$peer" "$@" connect "127.0.0.1:$port" tls read shutdown >"$_f" \
	    2>"$_f.err"
}

# answers COUNT: how often which one, in so many connections.
answers()
{
	: >all
	_i=0
	while [ $_i -lt "$1" ]; do
		_i=$((_i + 1))
		ask || { cat answer.err; show_log; atf_fail "not served"; }
		cat answer >>all
		echo >>all
	done
	sort all | uniq -c | sed 's/^ *//'
}

# warned COUNT TEXT: of the server.
warned()
{
	[ "$(grep -c "^server=www warning=\"$2\"\$" log)" -eq "$1" ]
}
must_be_warned()
{
	wait_until "${3:-10}" "a warning: $2" warned "$@"
}

scenario turns "Backends are taken by turns, TCP and unix sockets alike, one \
after the other and many at once"
turns_body()
{
	backend one
	tcp_backend two
	backend three
	serve "$(to one)" "$(to_port two)" "$(to three)"
	start
	shows -o inline:"10 one\n10 three\n10 two\n" answers 30
	pids=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24
	do
		ask many.$i &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086
	wait $pids
	for i in many.?  many.??; do
		cat "$i"
		echo
	done | sort | uniq -c | sed 's/^ *//' >got
	atf_check -o inline:"8 one\n8 three\n8 two\n" cat got
	wait_closed 54
	for b in "$PWD/one.sock" "127.0.0.1:$port_two" "$PWD/three.sock"; do
		atf_check_equal 18 "$(grep -c "state=connected .*backend=$b" log)"
	done
	atf_check -s exit:1 grep -E 'error=|warning=' log
}

scenario next "One that refuses is left out: nobody hears of it but the log, \
once, with its name and its errno; and once more when it works again" \
timeout 200
next_body()
{
	backend one
	refusing two
	backend three
	serve "$(to one)" "$(to_port two)" "$(to three)"
	start
	shows -o inline:"6 one\n6 three\n" answers 12
	must_be_warned 1 "backend 127.0.0.1:$port_two down: Connection refused; retry every 10 seconds"
	kill "$pid_two"
	wait "$pid_two"
	tcp two accept "127.0.0.1:$port_two" write two shutdown read
	# Not before its time.
	shows -o not-match:two answers 3
	again()
	{
		ask
		warned 1 "backend 127.0.0.1:$port_two works again"
	}
	poll=0.3
	wait_until 15 "it to be tried again" again
	shows -o inline:"4 one\n4 three\n4 two\n" answers 12
	must_be_warned 1 "backend 127.0.0.1:$port_two down: .*"
	must_be_warned 1 "backend .* works again"
	atf_check -s exit:1 grep error= log
}

scenario missing "A unix socket that is not there is left out until it is" \
timeout 200
missing_body()
{
	backend one
	serve "$(to one)" "$(to two)"
	start
	shows -o inline:"4 one\n" answers 4
	must_be_warned 1 "backend $PWD/two.sock down: No such file or directory; retry every 10 seconds"
	backend two
	poll=0.3
	again()
	{
		ask
		warned 1 "backend $PWD/two.sock works again"
	}
	wait_until 15 "it to be tried again" again
	shows -o inline:"4 one\n4 two\n" answers 8
	atf_check -s exit:1 grep error= log
}

# far: a directory of that name that bindfs serves, as its process $pid_far.
far()
{
	mkdir near far
	background bindfs -f "$PWD/near" "$PWD/far"
	pid_far=$pid
	wait_until 20 "far to be mounted" mounted_or_dead
	dead "$pid_far" && atf_skip "nothing can be mounted here: \
$(cat background.err)"
}
mounted_or_dead() { mounted || dead "$pid_far"; }
mounted() { mount | grep -q "$PWD/far[ ,]"; }

scenario foreign "Where a process, or another host, could keep the daemon \
waiting it has no backend, no pidfile and no log, whatever links lead there; \
what is beside it is served although that file system has stopped" \
require.user root require.progs bindfs require.files /dev/fuse
foreign_body()
{
	far
	backend one
	ln -s far there
	ln -s there/two.sock two.sock
	mkdir near/links
	ln -s "$PWD/one.sock" near/links/one.sock
	{
		cat <<-CONF
		server "www" {
			listen on 127.0.0.1 port 0
			certificate "www"
			forward to "$PWD/far/one.sock"
			match servername "two" forward to "$PWD/two.sock"
			match servername "three" \
			    forward to "$PWD/far/links/one.sock"
			match servername "four" forward to "$PWD/one.sock"
		}
		CONF
	} | configure
	sed "s,securetcpd.pid,far/&," securetcpd.conf >far.conf
	atf_check -s exit:1 -e save:errors "$securetcpd" -n -f far.conf
	cat errors
	# Those that are not there are warned of as well.
	sed -n -e 's/(fuse[a-z.]*)/(fuse)/' -e 's/: on a file.*(/ (/' \
	    -e '/warning/d' -e "s,^far.conf:[0-9]*: ,," -e "s,$PWD,,p" \
	    errors >said
	atf_check -o file:said cat <<-'SAID'
	pidfile "/far/securetcpd.pid" (fuse) that another host or a process serves, and that could stop the daemon
	forward to "/far/one.sock" (fuse) that another host or a process serves, and that could stop the daemon
	forward to "/two.sock" (fuse) that another host or a process serves, and that could stop the daemon
	forward to "/far/links/one.sock" (fuse) that another host or a process serves, and that could stop the daemon
	SAID
	atf_check -s exit:1 -o ignore -e match:"$PWD/two.sock.*could stop" \
	    "$securetcpd" -d -f securetcpd.conf
	serve "$(to one)"
	"$securetcpd" -d -f securetcpd.conf 2>far/log &&
	    atf_fail "the log is on a file system that may stop"
	atf_check -o match:"standard error.*fuse.*could stop the daemon" \
	    cat far/log
	start
	kill -STOP "$pid_far"
	shows -o inline:"4 one\n" answers 4
}

scenario silent "One that does not answer has its share of the timer and no \
more, and only the first client waits"
silent_body()
{
	backend one
	full two
	backend three
	serve "$(to_port two)" "$(to one)" "$(to three)" "timeout backend 6"
	start
	shows -o inline:"5 one\n5 three\n" answers 10
	must_be_warned 1 "backend 127.0.0.1:$port_two down: $timed_out; retry every 10 seconds"
	wait_closed 10
	# A third of six seconds, once.
	sed -n 's/.*state=closed .* seconds=//p' log | sort -n >seconds
	atf_check -o match:'^2\.[0-9]$' tail -n 1 seconds
	atf_check -o match:'^[01]\.[0-9]$' sed -n 9p seconds
	atf_check -s exit:1 grep error= log
}

scenario silent_probe "When its time is over one client finds out whether it \
answers, and others do not wait" timeout 200
silent_probe_body()
{
	backend one
	full two
	half=$((2 * ${RUNATF_SLOW:-1}))
	serve "$(to_port two)" "$(to one)" "timeout backend $((2 * half))"
	start
	shows -o inline:"2 one\n" answers 2
	# Its ten seconds, and one more.
	sleep 11
	pids=
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ask probe.$i &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086
	wait $pids
	atf_check_equal oneoneoneoneoneoneoneoneoneone "$(cat probe.? probe.10)"
	wait_closed 12
	sed -n 's/.*state=closed .* seconds=//p' log | sort -n >seconds
	cat seconds
	atf_check awk -v half=$half 'NR == 10 && $1 >= half { exit 1 }
	    NR == 11 && ($1 < half || $1 >= 2 * half) { exit 1 }' seconds
	must_be_warned 1 "backend 127.0.0.1:$port_two down: .*"
}

scenario busy "A unix socket whose queue is full is busy and not broken: the \
next one is asked meanwhile, nothing is logged, and when all are busy they are \
waited for"
busy_body()
{
	need_busy
	rm -f two.port
	background "$peer" -t 110 -k -p two.port full "$PWD/two.sock" two.go \
	    write two shutdown read
	wait_until 20 "backend two" test -f two.port
	backend one
	serve "$(to one)" "$(to two)" "timeout backend 50"
	start
	shows -o inline:"6 one\n" answers 6
	kill "$pid_one"
	wait "$pid_one"
	rm -f one.sock one.port
	background "$peer" -t 110 -k -p one.port full "$PWD/one.sock" one.go \
	    write one shutdown read
	wait_until 20 "backend one" test -f one.port
	ask waits &
	wait_log 'session=7 .*state=connecting'
	# It is established, and there is nobody who takes it.
	wait_until 20 "the handshake" busy_count 1 connected
	touch two.go
	wait $!
	atf_check -o inline:two cat waits
	atf_check -s exit:1 grep -E 'error=|warning=' log
}

scenario all_busy "All busy until the timer: the error says of each that it \
was"
all_busy_body()
{
	need_busy
	full one
	for b in two three; do
		rm -f $b.port
		background "$peer" -p $b.port full "$PWD/$b.sock"
		wait_until 20 "backend $b" test -f $b.port
	done
	serve "$(to two)" "$(to three)" "timeout backend 1"
	start
	ask
	wait_closed
	again="Resource temporarily unavailable"
	atf_check -o match:"error=ptTimeout number=10060 .*reason=\"backend timer, 1 second: backend $PWD/two.sock: $again; backend $PWD/three.sock: $again\"" \
	    cat log
	atf_check -s exit:1 grep warning= log
}

scenario none "When none is of use the error names each, in their order, and \
why; then the client hears of the end"
none_body()
{
	refusing one
	full four
	serve "$(to_port one)" "$(to two)" "$(to_port four)" "timeout backend 3"
	start
	ask
	atf_check -o inline:"end close_notify\n" cat answer.err
	wait_closed
	none="backend 127.0.0.1:$port_one: Connection refused; backend $PWD/two.sock: No such file or directory"
	atf_check -o match:"error=ptTimeout number=10060 .*reason=\"backend timer, 3 seconds: $none; backend 127.0.0.1:$port_four: $timed_out\"" \
	    cat log
	stop_daemon
	serve "$(to_port one)" "$(to two)"
	start
	for i in 1 2 3 4; do
		ask
	done
	wait_closed 4
	atf_check_equal 4 "$(grep -c "error=ptError number=11100 .* reason=\"$none\"" log)"
	must_be_warned 1 "backend 127.0.0.1:$port_one down: .*"
	must_be_warned 1 "backend $PWD/two.sock down: .*"
}

# The most there can be, none of them there.
most()
{
	long=$(printf '%060d' 7)
	i=0
	set --
	while [ $i -lt 64 ]; do
		i=$((i + 1))
		set -- "$@" "forward to \"/nonexistent/$long/$i\""
	done
	serve "$@"
	start
	for i in 1 2 3; do
		ask
	done
	wait_closed 3
	atf_check_equal 3 "$(grep -c "error=ptError .*reason=\"backend /nonexistent/$long/1: No such file or directory; .*: No such file or directory; and 5[0-9] more\"\$" log)"
	atf_check_equal 64 "$(grep -c " down: " log)"
}

scenario most "64 that are all of no use: the reason names as many as fit, \
and says how many more there are"
most_body() { most; stop_daemon; }

scenario most_sanitized "The same with the parent under sanitizers, and a stop \
while one is awaited"
most_sanitized_body()
{
	sanitize
	most
	stop_daemon
	atf_check -s exit:1 grep -E 'Sanitizer|runtime error' log
	full one
	full two
	refusing three
	serve "$(to_port one)" "$(to_port three)" "$(to_port two)" \
	    "timeout backend 30"
	start
	background "$peer" connect "127.0.0.1:$port" tls read
	wait_log 'session=1 .*state=connecting'
	background "$peer" connect "127.0.0.1:$port" tls reset
	wait_log 'session=2 .*state=connecting'
	must_be_warned 1 "backend 127.0.0.1:$port_three down: Connection refused; .*" 30
	stop_daemon
	atf_check_equal 0 $?
	atf_check_equal 2 "$(grep -c state=closed log)"
	atf_check -s exit:1 grep -E 'Sanitizer|runtime error' log
}

scenario routes "Rules about server names have backends of their own, each \
list with its turns and its failures"
routes_body()
{
	for b in one two api1 api2; do
		backend $b
	done
	refusing down
	m='match servername "api.example.org"'
	serve "$m $(to api1)" "$m $(to_port down)" "$m $(to api2)" \
	    "$(to one)" "$(to two)"
	start
	for n in api.example.org www.example.org api.example.org \
	    api.example.org www.example.org api.example.org; do
		openssl s_client -quiet -servername $n -connect \
		    "127.0.0.1:$port" </dev/null >>$n 2>/dev/null
		echo >>$n
	done
	atf_check -o inline:"api1\napi1\napi2\napi2\n" sort api.example.org
	atf_check -o inline:"one\ntwo\n" sort www.example.org
	must_be_warned 1 "backend 127.0.0.1:$port_down down: Connection refused; retry every 10 seconds"
}

# nginx_named NAME: on NAME.sock, and says its name.
nginx_named()
{
	nginx_starts "$1" <<-CONF
	server {
		listen unix:$PWD/$1.sock;
		return 200 "$1\n";
	}
	CONF
	eval "pid_$1=$pid"
}

# clients: two that fetch over and over, until the file enough is there; each
# answer is a line of the file that is named.
clients()
{
	loads=
	for _c in 1 2; do
		(
			while [ ! -f enough ]; do
				curl -sS --max-time 30 --cacert www.crt \
				    "https://localhost:$port/" 2>>failed.$_c
			done >>fetched.$_c
		) </dev/null &
		loads="$loads $!"
		echo $! >>pids
	done
}
# served_by NAME COUNT: since it was last looked at.
look() { seen=$(cat fetched.? | grep -c "^$1$"); }
served_by() { [ $(($(cat fetched.? | grep -c "^$1$") - seen)) -ge "$2" ]; }
more_from()
{
	look "$1"
	wait_until 30 "answers from $1" served_by "$1" 20
}

scenario nginx "Of two nginx one is stopped and started under load, then the \
other: no client fails" require.progs "nginx curl" timeout 200
nginx_body()
{
	nginx_named one
	nginx_named two
	serve "$(to one)" "$(to two)"
	start
	clients
	more_from one
	more_from two
	for n in one two; do
		# Gracefully: what it has accepted it answers.
		eval "_p=\$pid_$n"
		kill -QUIT "$_p"
		wait "$_p"
		case $n in
		one)	other=two ;;
		two)	other=one ;;
		esac
		more_from $other
		rm -f $n.sock
		nginx_named $n
		more_from $n
		must_be_warned 1 "backend $PWD/$n.sock works again"
		more_from $other
	done
	touch enough
	# shellcheck disable=SC2086
	wait $loads
	# What was in its queue unaccepted when it left, the kernel has reset.
	cat failed.? >failed
	atf_check_equal "$(grep -c error=ptConnectionReset log)" \
	    "$(wc -l <failed)"
	atf_check test "$(wc -l <failed)" -le 2
	atf_check -s exit:1 grep -E 'error=pt(ConnectionRefused|Timeout|Error)' \
	    log
	atf_check_equal 0 "$(cat fetched.? | grep -vc -e '^one$' -e '^two$')"
}

scenario redis "Of two redis one is killed and started again: each command \
is answered by the one or the other" require.progs "redis-server redis-cli" \
timeout 200
redis_body()
{
	for n in one two; do
		redis_named $n
	done
	serve "$(to one)" "$(to two)"
	start
	atf_check_equal "one two one two" "$(echo $(names 4))"
	kill -KILL "$pid_one"
	wait "$pid_one"
	atf_check_equal "two two two two" "$(echo $(names 4))"
	must_be_warned 1 "backend $PWD/one.sock down: Connection refused; retry every 10 seconds"
	redis_named one
	poll=0.3
	wait_until 15 "it to be back" both_again
	must_be_warned 1 "backend $PWD/one.sock works again"
	atf_check -s exit:1 grep error= log
}
redis_named()
{
	rm -f "$1.sock"
	background redis-server --port 0 --unixsocket "$PWD/$1.sock" \
	    --save "" --appendonly no --daemonize no --dir "$PWD"
	eval "pid_$1=$pid"
	wait_until 20 "redis $1" redis-cli -s "$PWD/$1.sock" set name "$1"
}
names()
{
	_i=0
	while [ $_i -lt "$1" ]; do
		_i=$((_i + 1))
		redis-cli --tls --cacert www.crt -h localhost -p "$port" \
		    get name
	done
}
both_again() { names 2 | grep -q one; }

scenario descriptors "With no more descriptors than the configuration is said \
to need, as many connections as there may be go to their backends" \
timeout 200
descriptors_body()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "an ordinary user is only warned"
	! raises || atf_skip "root may have more than its limit here"
	backend one
	full two
	serve_descriptors
	launch "$as" -n 64:64
	wait_until 20 "its end" dead "$daemon"
	need=$(sed -n 's/.*can need \([0-9]*\) descriptors.*/\1/p' log)
	[ -n "$need" ] || atf_fail "it does not say how many it needs"
	start "$as" -n "$need:$need"
	i=0
	peers=
	while [ $i -lt 60 ]; do
		i=$((i + 1))
		"$peer" connect "127.0.0.1:$port" tls read touch in.$i \
		    until enough shutdown >got.$i 2>/dev/null &
		peers="$peers $!"
	done
	all_in() { [ "$(ls in.* 2>/dev/null | wc -l)" -eq 60 ]; }
	wait_until 60 "all to be served" all_in
	touch enough
	# shellcheck disable=SC2086
	wait $peers
	wait_closed 60
	atf_check -s exit:1 grep -E 'error=|accepting pauses' log
}
serve_descriptors()
{
	serve "$(to one)" "$(to_port two)" "timeout backend 20" \
	    "connections max 60 per source 60 pending 60"
}

atf_init_test_cases()
{
	add_scenarios
}
