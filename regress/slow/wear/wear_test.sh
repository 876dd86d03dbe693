# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Wear: very many connections, good and bad, and nothing is used up.  Two
# servers, one that echoes and one that forwards to a backend that does.  The
# log is judged by ../../tools/outcomes: every adopted socket is closed once.

. "$(atf_get_srcdir)/../../tools/growth.sh"

here=$(cd "$(atf_get_srcdir)" && pwd)

# mix COUNT: the named behaviours, so many of each.
mix()
{
	for _b in echo-small echo-64k half-close reset truncated http \
	    garbage-fin hello-cut-fin connect-leave slow tls1.2 tls1.3-bye; do
		echo "$_b:$1"
	done
}

# two_servers [STATEMENT]...: "www" and "app", both with these statements.
two_servers()
{
	[ -S backend.sock ] || {
		background "$top/regress/tools/echod" "$PWD/backend.sock"
		wait_until 20 "the backend" test -S backend.sock
	}
	{
		for _mode in "www echo" \
		    "app forward to \"$PWD/backend.sock\""; do
			echo "server \"${_mode%% *}\" {"
			echo '	listen on 127.0.0.1 port 0'
			echo '	certificate "www"'
			echo "	${_mode#* }"
			echo "	connections max 1000 per source 64 pending 400"
			for _s in "$@"; do
				printf '\t%s\n' "$_s"
			done
			echo '}'
		done
	} | configure
}

both() { echo "127.0.0.1:$(port_of www),127.0.0.1:$(port_of app)"; }

# A spawner that was replaced leaves after its last session.
two_spawners() { [ "$(count $(spawners))" -eq 2 ]; }

scenario shipped "20000 connections, a mix of 13 behaviours with a printed \
seed: before (after 1000 to warm up) and after the same descriptors in every \
process, memory within 1 MiB (of the parent, signers and spawners, which are \
replaced meanwhile), no zombie; every adopted socket is closed exactly once" \
timeout 900
shipped_body()
{
	need_look
	need_sources
	two_servers
	start
	warm "$(both)"
	measure before
	# shellcheck disable=SC2046
	storm -c 32 "$(both)" $(mix 1600) never-reads:800
	settle
	judge -v lifetimes=1
	wait_until 60 "replaced spawners to leave" two_spawners
	unchanged before
	[ "$(grep -c '^process=spawner' log)" -gt 10 ] ||
	    atf_fail "spawners were not replaced"
	served || atf_fail "an honest client is not served any more"
}

# build_tree NAME VARIABLE=VALUE...: the programs, built so, in ./tree.
build_tree()
{
	echo "building with $*"
	mkdir tree
	(cd "$top" && tar -cf - mk lib libexec sbin) | (cd tree && tar -xf -)
	find tree -name '*.[oad]' -exec rm -f {} +
	find tree -name .flags -exec rm -f {} +
	for _d in tree/lib/* tree/libexec/* tree/sbin/*; do
		(cd "$_d" && bmake "$@" all) >build.log 2>&1 || {
			tail -n 20 build.log
			atf_fail "the build of $_d failed"
		}
	done
	securetcpd=$PWD/tree/sbin/securetcpd/securetcpd
	built="$*"
}

# plant FILE FUNCTION CODE: at the beginning of a function of the tree's, and
# the program of that file is built again.
plant()
{
	awk -v start="^$2[(]" -v code="$3" '{ print }
	    $0 ~ start { found = 1 }
	    found && /^{/ { print code; found = 0; done = 1 }
	    END { exit !done }' "tree/$1" >planted ||
	    atf_fail "$1: no function $2"
	mv planted "tree/$1"
	(
		cd "tree/${1%/*}" || exit 1
		_prog=$(basename "$PWD")
		[ ! -f "$_prog.real" ] || mv "$_prog" wrapper
		# shellcheck disable=SC2086
		bmake $built all
		[ ! -f wrapper ] || {
			mv "$_prog" "$_prog.real"
			mv wrapper "$_prog"
		}
	) >build.log 2>&1 || {
		tail -n 20 build.log
		atf_fail "$1 with a planted error does not build"
	}
}

# wrap SCRIPT: runs in place of each helper, with its path as $0.real.
wrap()
{
	for _h in securetcp-session securetcp-signer; do
		_p=tree/libexec/$_h/$_h
		mv "$_p" "$_p.real"
		{
			echo '#!/bin/sh'
			echo "$1 '$PWD/$_p.real'"
		} >"$_p"
		chmod 755 "$_p"
	done
}

# start_slowly [COMMAND]...: as start, of what takes its time.
start_slowly()
{
	launch "$@"
	wait_until 120 "securetcpd to listen" listening_or_dead
	if dead "$daemon"; then
		show_log
		atf_fail "securetcpd did not start"
	fi
	port=$(port_of www)
}

# wear_out COUNT OPTION...: so many of each behaviour, then an orderly stop.
wear_out()
{
	_each=$1
	shift
	# What an instrumented process keeps is not ours to judge.
	resident() { echo 0; }
	wait_until 60 "all sockets to be closed" all_closed
	calm_down
	measure before
	# shellcheck disable=SC2046
	storm "$@" "$(both)" $(mix "$_each") \
	    never-reads:$((_each / 2))
	poll=0.5
	wait_until 200 "all sockets to be closed" all_closed
	wait_until 60 "no zombie" no_zombies
	unchanged before
	judge
	kill -TERM "$daemon"
	wait "$daemon"
	_status=$?
	if [ $_status -ne 0 ]; then
		tail -n 60 log parent.log 2>/dev/null
		atf_fail "the parent left with status $_status"
	fi
}

# The helpers there have ever been; titles are not to be seen in valgrind.
helpers_of() { sed -n "s/^process=$1 .* pid=\\([0-9]*\\) .*/\\1/p" log; }

scenario sanitizers "2000 connections with the address and undefined \
behaviour sanitizers in every process (built here, with the filter of helpers \
widened for them): no report ends a process, descriptors are equal, every \
adopted socket is closed once.  Leaks are looked for in the parent; helpers \
cannot look for them in their sandbox (see valgrind); what is planted then is \
found" timeout 1200 \
require.progs "bmake gcc"
sanitizers_body()
{
	need_linux "the sandbox of this system cannot be widened for sanitizers"
	need_look
	build_tree SANITIZE=address,undefined CPPFLAGS_EXTRA=-DSANDBOX_WIDEN
	# Their standard error is /dev/null: a report shows as a death by
	# signal, of the sanitizer's own doing or of the filter's.
	wrap "ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:symbolize=0 \
UBSAN_OPTIONS=abort_on_error=1:symbolize=0 exec"
	two_servers "timeout handshake 60 close 60"
	echo "spawner lifetime 1000000" >>securetcpd.conf
	ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
	export ASAN_OPTIONS UBSAN_OPTIONS
	start_slowly
	unset ASAN_OPTIONS UBSAN_OPTIONS
	atf_check -o match:widened grep '^process=spawner' log
	for _p in "$daemon" $(signers) $(spawners); do
		grep -q libasan "/proc/$_p/maps" ||
		    atf_fail "process $_p is not sanitized"
	done
	wear_out 160 -c 16 -t 200
	atf_check -s exit:1 grep -E 'Sanitizer|runtime error' log

	# That they would have found something: one byte beyond in a session,
	# and a leak in the parent.
	plant libexec/securetcp-session/session.c session_adopt \
	    '{ char *volatile p = malloc(8); p[8] = 1; free(p); }'
	plant sbin/securetcpd/connection.c conn_adopt \
	    '{ char *volatile p = strdup("lost"); p = NULL; }'
	ASAN_OPTIONS=detect_leaks=1
	export ASAN_OPTIONS
	start_slowly
	unset ASAN_OPTIONS
	"$peer" connect "127.0.0.1:$port" tls 2>/dev/null
	wait_closed 1
	atf_check -o match:'error=ptError .*signal (6|31) ' grep error= log
	kill -TERM "$daemon"
	wait "$daemon" && atf_fail "a leak in the parent was not found"
	atf_check -o match:'LeakSanitizer: detected memory leaks' cat log
}

scenario valgrind "1000 connections with every process in valgrind (built \
here, with the filter of helpers widened for it): no invalid access, no use of \
what is not initialised, no definite leak in the parent, the signers, the \
spawners and each session; descriptors are equal, every adopted socket is \
closed once; what is planted then is found" timeout 1800 \
require.progs "bmake gcc valgrind"
valgrind_body()
{
	need_linux "the sandbox of this system cannot be widened for valgrind"
	need_look
	build_tree CPPFLAGS_EXTRA=-DSANDBOX_WIDEN
	atf_check cc -D_GNU_SOURCE -shared -fPIC -o limits.so \
	    "$here/limits.c"
	# A file has no room in a helper (RLIMIT_FSIZE), a pipe has.
	mkfifo fifo
	background sh -c 'exec cat <>fifo >helpers.log'
	_memcheck="$(command -v valgrind) --vgdb=no --num-callers=20 \
--leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
--error-exitcode=99 --suppressions=$here/valgrind.supp"
	wrap "LD_PRELOAD=$PWD/limits.so exec $_memcheck --log-file=$PWD/fifo"
	two_servers "timeout handshake 120 close 120 backend 60"
	echo "signers 1" >>securetcpd.conf
	echo "spawner lifetime 1000000" >>securetcpd.conf
	signers() { helpers_of signer; }
	spawners() { helpers_of spawner; }
	title() { echo "process-$1"; }
	# shellcheck disable=SC2086
	start_slowly $_memcheck --log-file="$PWD/parent.log"
	atf_check -o match:widened grep '^process=spawner' log
	wear_out 80 -c 6 -t 600
	# Each process says how many errors it had when it ends.
	# shellcheck disable=SC2046
	_ends=$(($(grep -c state=closed log) +
	    $(count $(signers) $(spawners))))
	wait_until 60 "helpers to end" summaries "$_ends"
	atf_check -s exit:1 grep -h 'ERROR SUMMARY: [1-9]' helpers.log \
	    parent.log
	atf_check -o match:'ERROR SUMMARY: 0 ' cat parent.log

	# That it would have found something, in a session.
	plant libexec/securetcp-session/session.c session_adopt \
	    '{ char *volatile p = malloc(8); p[8] = 1; if (p[3]) p = NULL;
	    p = NULL; }'
	# shellcheck disable=SC2086
	start_slowly $_memcheck --log-file="$PWD/parent.log"
	"$peer" connect "127.0.0.1:$port" tls shutdown read >/dev/null 2>&1
	wait_until 60 "an invalid write" grep -q 'Invalid write' helpers.log
	wait_until 60 "what is not initialised" \
	    grep -q 'depends on uninitialised' helpers.log
	wait_until 60 "a leak" grep -q 'definitely lost in loss' helpers.log
	stop_daemon
}
summaries() { [ "$(grep -c 'ERROR SUMMARY:' helpers.log)" -ge "$1" ]; }

atf_init_test_cases()
{
	add_scenarios
}
