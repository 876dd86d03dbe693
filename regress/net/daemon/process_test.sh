# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# What the processes are, what they hold, and what happens when one dies.

. "$(atf_get_srcdir)/common.sh"

# stay: a client that stays connected through echo until the file leave is
# there, then says and expects one more line.  Its pid is in $client.
stay()
{
	rm -f in
	background "$peer" -t 110 connect "127.0.0.1:$port" tls write hello \
	    readn 5 touch in until leave write again shutdown read
	client=$pid
	wait_until 20 "the client to be connected" test -f in
	wait_until 20 "connected" busy_count 1 connected
}

stayed()
{
	touch leave
	wait_until 20 "the client to end" dead "$client"
	wait "$client"
	atf_check_equal 0 $?
	atf_check -o match:"helloagain" cat background.out
}

served()
{
	[ "$("$peer" connect "127.0.0.1:$port" tls write served shutdown \
	    read 2>/dev/null)" = served ]
}

all_dead()
{
	for _a in "$@"; do
		dead "$_a" || return 1
	done
}

another_spawner() { [ "$(spawners)" != "$1" ] && [ -n "$(spawners)" ]; }

scenario titles "Every process has the title that says its role and state"
titles_body()
{
	need_look
	serve echo
	{ echo "signers 2"; cat securetcpd.conf; } >2.conf
	mv 2.conf securetcpd.conf
	start
	stay
	shows -o inline:"securetcpd: parent\n" title "$daemon"
	for p in $(signers); do title "$p"; done | sort >titles
	atf_check -o inline:"securetcp-signer: 1\nsecuretcp-signer: 2\n" \
	    cat titles
	shows -o inline:"securetcp-spawner: www\n" title "$(spawners)"
	shows -o match:"^securetcp-session: [0-9]+ www connected$" \
	    title "$(busy connected)"
	for p in $(sessions); do title "$p"; done >titles
	atf_check -o match:"^securetcp-session: [0-9]+ www idle$" cat titles
	family | xargs -n 1 | sort | uniq -d >twice
	atf_check -o empty cat twice
	stayed
}

scenario users "Signers, spawners and sessions run as their users, in the \
chroot, without privilege or a way to it"
users_body()
{
	need_ptrace
	serve echo
	start
	stay
	nobody=$(id -u nobody)
	user=$(id -u daemon)
	shows -o inline:"0 0 0\n" users_of "$daemon"
	for p in $(signers); do
		shows -o inline:"$user $user $user\n" users_of "$p"
	done
	for p in $(spawners) $(sessions); do
		shows -o inline:"$nobody $nobody $nobody\n" users_of "$p"
	done
	for p in $(signers) $(spawners) $(sessions); do
		confined "$p"
	done
	if [ "$system" = Linux ]; then
		for p in $(sessions); do
			atf_check -o match:"^Max processes +0 +0 " \
			    cat "/proc/$p/limits"
		done
	fi
	# Empty, root's, and not to be written by anybody else.
	shows -o match:"^$chroot_mode $chroot\$" modes "$chroot"
	atf_check -o inline:"root\n" -x "ls -ld $chroot | awk '{ print \$3 }'"
	atf_check -o empty ls -A "$chroot"
	stayed
}

scenario memory "A session can map 32 MB more than its spawner had, its \
signers and it lock none, and those that one client can make grow go first \
when memory is short, the parent and the signers last"
memory_body()
{
	need_linux "no limit or order of another process is to be seen here"
	need_look
	serve echo
	start
	stay
	for p in $(spawners) $(sessions); do
		size=$(status_of "$p" VmSize | tr -dc 0-9)
		limited "$p" "Max address space" $((size / 1024 + 30)) \
		    $((size / 1024 + 34))
		size=$(status_of "$p" VmData | tr -dc 0-9)
		limited "$p" "Max data size" $((size / 1024 + 30)) \
		    $((size / 1024 + 34))
		atf_check -o inline:"1000\n" cat "/proc/$p/oom_score_adj"
	done
	for p in $(signers); do
		limited "$p" "Max address space" 128 180
		limited "$p" "Max data size" 128 180
	done
	for p in $(signers) $(spawners) $(sessions); do
		limited "$p" "Max locked memory" 0 0
	done
	# To go later than others takes a privilege of its own.
	last=$(cat /proc/self/oom_score_adj)
	if [ "$last" -eq 0 ] && (echo -900 >/proc/self/oom_score_adj) \
	    2>/dev/null; then
		last=-900
	fi
	for p in "$daemon" $(signers); do
		atf_check -o inline:"$last\n" cat "/proc/$p/oom_score_adj"
	done
	stayed
}

# limited PID WHAT LEAST MOST: in MB; the hard limit as the soft one.
limited()
{
	sed -n "s/^$2  *\([0-9]*\)  *\([0-9]*\) .*/\1 \2/p" \
	    "/proc/$1/limits" >limits
	read -r _soft _hard <limits
	if [ "$_soft" != "$_hard" ] || [ -z "$_soft" ] ||
	    [ "$_soft" -lt $(($3 << 20)) ] ||
	    [ "$_soft" -gt $(($4 << 20)) ]; then
		cat "/proc/$1/limits"
		atf_fail "$(title "$1"): $2: not $3 to $4 MB"
	fi
}

scenario memory_own "What an administrator has said of the order in which \
processes go is kept for the parent and the signers, and is what a program \
has"
memory_own_body()
{
	need_linux "there is no such order that is inherited"
	need_look
	cat >show <<-'SCRIPT'
	#!/bin/sh
	cat /proc/self/oom_score_adj
	SCRIPT
	chmod 755 show . "$(dirname "$PWD")"
	serve "execute \"$PWD/show\" user \"nobody\""
	echo 300 >/proc/self/oom_score_adj || atf_skip "it cannot be set here"
	start
	for p in "$daemon" $(signers) \
	    $(titled "$daemon" securetcp-launcher); do
		atf_check -o inline:"300\n" cat "/proc/$p/oom_score_adj"
	done
	for p in $(spawners) $(sessions); do
		atf_check -o inline:"1000\n" cat "/proc/$p/oom_score_adj"
	done
	atf_check -o inline:"300\n" -e ignore "$peer" connect \
	    "127.0.0.1:$port" tls read
}

# The default of the configuration.
case $system in
Linux)		chroot=/run/securetcpd chroot_mode=755 ;;
FreeBSD)	chroot=/var/empty chroot_mode='[57]55' ;;
*)		chroot=/var/empty chroot_mode=755 ;;
esac

# confined PID: what a helper cannot do.
confined()
{
	p=$1
	case $system in
	Linux)
		shows -o inline:"0000000000000000\n" status_of "$p" CapEff
		shows -o inline:"0000000000000000\n" status_of "$p" CapPrm
		shows -o inline:"1\n" status_of "$p" NoNewPrivs
		shows -o inline:"2\n" status_of "$p" Seccomp
		status_of "$p" Groups >groups
		atf_check test "$(wc -w <groups)" -le 1
		atf_check -s exit:1 grep -w 0 groups
		atf_check -o inline:"$chroot\n" readlink "/proc/$p/root"
		atf_check -o inline:"$chroot\n" readlink "/proc/$p/cwd"
		atf_check -o match:"^Max core file size +0 +0 " \
		    -o match:"^Max file size +0 +0 " cat "/proc/$p/limits"
		;;
	*)
		# The directory by its number, as fstat(1) has it.
		inode=$(ls -di "$chroot" | awk '{ print $1 }')
		fstat -p "$p" >held
		for w in root wd; do
			atf_check -o inline:"$inode\n" \
			    awk -v w=$w '$4 == w { print $6 }' held
		done
		# No group but its user's own: two when they are told apart.
		ps -o supgrp= -p "$p" >groups 2>/dev/null ||
		    ps -o groups= -p "$p" >groups 2>/dev/null || :
		atf_check -s exit:1 grep -w -e wheel -e operator groups
		;;
	esac
}

scenario hygiene "Each process holds the descriptors that its work needs, \
and no other"
hygiene_body()
{
	need_ptrace
	background "$peer" accept "$PWD/backend.sock" readn 5 write hello read
	wait_until 20 "backend" test -S backend.sock
	serve "forward to \"$PWD/backend.sock\"" "prefork 3"
	exec 7<www.crt 8</dev/zero
	start
	exec 7<&- 8<&-
	stay
	null="0 /dev/null\n1 /dev/null\n2 /dev/null\n"
	for p in $(signers); do
		shows -o inline:"${null}3 socket\n" descriptors_of "$p"
	done
	busy=$(busy connected)
	for p in $(sessions); do
		[ "$p" = "$busy" ] ||
		    shows -o inline:"${null}3 socket\n" descriptors_of "$p"
	done
	# Its client and its backend.
	shows -o inline:"${null}3 socket\n4 socket\n5 socket\n" \
	    descriptors_of "$busy"
	# The pipe to the parent, and the one its signal handler writes to; or
	# what tells of its children, and one descriptor for each of them.
	case $system in
	FreeBSD)	own='[0-9]+ (kqueue|procdesc)' ;;
	*)		own='[4-9] pipe' ;;
	esac
	descriptors_of "$(spawners)" >held
	cat held
	atf_check -o match:"^3 socket" sed -n '4p' held
	atf_check -s exit:1 grep -vE "^[0-2] /dev/null\$|^3 socket\$|^$own\$" \
	    held
	# What it was started with is not passed on, nor kept by the parent.
	atf_check -s exit:1 grep -E "www.crt|/dev/zero" held
	descriptors_of "$daemon" >held
	atf_check -s exit:1 grep -E "/dev/zero" held
}

scenario sandbox_named "The log names the sandbox in force of every helper"
sandbox_named_body()
{
	serve echo
	start
	atf_check \
	    -o match:"^process=signer name=1 pid=[0-9]+ sandbox=$sandbox\$" \
	    -o match:"^process=spawner name=www pid=[0-9]+ sandbox=$sandbox\$" \
	    -o match:"^process=checker name=configuration pid=[0-9]+ sandbox=$sandbox\$" \
	    cat log
	atf_check -s exit:1 grep -E '^process=(signer|spawner) .*sandbox=none' log
}

scenario sandbox_required "Where the kernel has no sandbox it does not \
start, and says why"
sandbox_required_body()
{
	need_linux "pretends a Linux without seccomp"
	serve echo
	launch "$top/regress/tools/noseccomp"
	wait_until 20 "its end" dead "$daemon"
	wait "$daemon"
	atf_check_equal 1 $?
	atf_check -o match:"^fatal=.*sandbox" cat log
	atf_check -s exit:1 grep -E "^msg=started" log
}

scenario sandbox_optional "With sandbox optional it runs on there, and warns"
sandbox_optional_body()
{
	need_linux "pretends a Linux without seccomp"
	serve echo
	{ echo "sandbox optional"; cat securetcpd.conf; } >o.conf
	mv o.conf securetcpd.conf
	start "$top/regress/tools/noseccomp"
	atf_check -o match:"^process=spawner name=www pid=[0-9]+ sandbox=none" \
	    -o match:"^warning=.*WITHOUT a sandbox" cat log
	served || atf_fail "not served"
}

scenario drain "SIGUSR1 closes the listeners, lets connections go on, and \
leaves with the last of them"
drain_body()
{
	need_look
	serve echo
	start
	stay
	kill -USR1 "$daemon"
	wait_log "^msg=.*drain"
	atf_check -s exit:1 -e match:"Connection refused" "$peer" connect \
	    "127.0.0.1:$port" hold
	dead "$daemon" && atf_fail "it did not wait for its connection"
	stayed
	wait_until 20 "its end" dead "$daemon"
	wait "$daemon"
	atf_check_equal 0 $?
}

scenario drain_deadline "When a drain takes longer than its deadline, the \
connections that are left are asked to end, by its name"
drain_deadline_body()
{
	need_look
	serve echo
	{ echo "drain 1s"; cat securetcpd.conf; } >drain.conf
	mv drain.conf securetcpd.conf
	start
	stay
	kill -USR1 "$daemon"
	wait_log "state=closing reason=\"drain deadline, 1 second\"\$"
	wait_until 20 "its end" dead "$daemon"
	wait "$daemon"
	atf_check_equal 0 $?
	atf_check -o inline:"1\n" grep -c 'state=closed' log
	atf_check -s exit:1 grep error= log
}

scenario drain_beside "A daemon that drains gives up its pidfile: a new one \
starts on the same port beside it, and neither disturbs the other"
drain_beside_body()
{
	need_look
	serve echo
	start
	sed "s/port 0/port $port/" securetcpd.conf >port.conf
	stay
	old=$daemon
	kill -USR1 "$old"
	wait_until 20 "the pidfile to be given up" not test -s securetcpd.pid
	mv port.conf securetcpd.conf
	mv log old.log
	start
	atf_check -o inline:"$daemon\n" cat securetcpd.pid
	served || atf_fail "the new one does not serve"
	dead "$old" && atf_fail "the old one did not wait for its connection"
	stayed
	wait_until 20 "the end of the old one" dead "$old"
	# At its end it takes nothing of the new one along.
	atf_check -o inline:"$daemon\n" cat securetcpd.pid
	served || atf_fail "the new one does not serve any more"
	atf_check -o inline:"1\n" grep -c 'state=closed' old.log
}

scenario twice "A second SIGTERM ends at once what the first asked to end"
twice_body()
{
	need_look
	background "$peer" -c sent accept "$PWD/backend.sock" flood 0
	wait_until 20 "backend" test -S backend.sock
	serve "forward to \"$PWD/backend.sock\"" "timeout close 100"
	start
	background "$peer" connect "127.0.0.1:$port" tls until never
	wait_log state=connected
	poll=0.5
	wait_until 30 "the flood to stand still" steady
	poll=0.05
	kill -TERM "$daemon"
	wait_log state=closing
	atf_check -s exit:1 grep state=closed log
	kill -TERM "$daemon"
	wait_until 20 "its end" dead "$daemon"
	wait "$daemon"
	atf_check_equal 0 $?
	atf_check -o match:"error=ptAbort number=11103 .*reason=\"stopped by SIGTERM\"" \
	    grep error= log
}

scenario spawner_backoff "Spawners that die before they were of any use are \
replaced ever more slowly, and the next one serves"
spawner_backoff_body()
{
	need_look
	serve echo
	start
	begin=$(milliseconds)
	for i in 1 2 3; do
		old=$(spawners)
		kill -KILL "$old"
		wait_until 20 "another spawner" another_spawner "$old"
	done
	ms=$(($(milliseconds) - begin))
	echo "three replacements took $ms ms"
	# A second, then two, then three.
	[ $ms -ge 6000 ] || atf_fail "it took $ms ms"
	wait_until 20 "service" served
	# One that has served is replaced at once.
	old=$(spawners)
	begin=$(milliseconds)
	kill -KILL "$old"
	wait_until 20 "another spawner" another_spawner "$old"
	ms=$(($(milliseconds) - begin))
	echo "the fourth took $ms ms"
	[ $ms -lt 8000 ] || atf_fail "the fourth took $ms ms"
	served || atf_fail "not served"
}

scenario lifetime "A spawner is replaced by a fresh exec after its \
lifetime, and its live sessions go on"
lifetime_body()
{
	need_look
	serve echo "prefork 1"
	{ echo "spawner lifetime 5"; cat securetcpd.conf; } >l.conf
	mv l.conf securetcpd.conf
	start
	old=$(spawners)
	stay
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		served || atf_fail "number $i was not served"
	done
	wait_until 20 "another spawner" another_spawner "$old"
	stayed
	wait_closed 13
	# Its idle sessions are used first.
	wait_until 20 "the first spawner to leave" served_and_dead "$old"
	wait_until 20 "one spawner only" one_spawner
	atf_check -s exit:1 grep error= log
}
served_and_dead() { served && dead "$1"; }
one_spawner() { [ "$(spawners | wc -l)" -eq 1 ]; }

scenario stubborn "A session that does not leave is killed through its \
spawner"
stubborn_body()
{
	need_look
	serve echo
	start
	background "$peer" connect "127.0.0.1:$port" tls write hello readn 5 \
	    close
	wait_until 20 "connected" in_log state=connected
	stay
	session=$(busy connected)
	kill -STOP "$session"
	all=$(family)
	kill -TERM "$daemon"
	wait_until 20 "the daemon to end" dead "$daemon"
	# shellcheck disable=SC2086
	wait_until 5 "every process to leave" all_dead $all
}

scenario signals "Helpers and sessions ignore SIGHUP and SIGTERM: the \
parent decides"
signals_body()
{
	need_look
	serve echo
	start
	stay
	before=$(family)
	for p in $(signers) $(spawners) $(sessions); do
		kill -HUP "$p"
		kill -TERM "$p"
	done
	served || atf_fail "not served after the signals"
	for p in $(signers) $(spawners) $(busy connected); do
		case " $(echo $before) " in
		*" $p "*)	;;
		*)		atf_fail "process $p is a new one" ;;
		esac
	done
	stayed
}

scenario interrupted "SIGINT stops as SIGTERM does: exit 0, nothing left"
interrupted_body()
{
	for s in TERM INT; do
		serve echo
		# A shell without job control has children ignore SIGINT.
		start "$as" -i
		all=$(family)
		kill -$s "$daemon"
		wait "$daemon"
		atf_check_equal 0 $?
		# shellcheck disable=SC2086
		wait_until 5 "every process to leave" all_dead $all
		atf_check test ! -s securetcpd.pid
	done
}

scenario without_parent "The helpers refuse to run by themselves"
without_parent_body()
{
	for h in securetcp-signer securetcp-session securetcp-resolver; do
		atf_check -s exit:1 -e match:"securetcpd" \
		    sh -c "exec $top/libexec/$h/$h 3<&-"
		atf_check -s exit:1 -e match:"securetcpd" \
		    sh -c "exec $top/libexec/$h/$h 3</dev/null"
	done
}

scenario blocked "Signals that whoever starts the daemon has blocked or ignores \
come all the same: the death of a helper is noticed, and SIGTERM stops it"
blocked_body()
{
	serve echo
	start "$top/regress/tools/blocked"
	old=$(titled "$daemon" securetcp-spawner:)
	# shellcheck disable=SC2086
	kill -KILL $old
	wait_log 'warning="spawner of server ..www.. terminated: killed by signal 9'
	atf_check -o inline:"served" -e ignore "$peer" connect "127.0.0.1:$port" tls \
	    write served shutdown read
	kill -TERM "$daemon"
	wait_until 20 "the daemon to stop" dead "$daemon"
}

atf_init_test_cases()
{
	add_scenarios
}
