# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The live screen of securetcpctl(8), on the terminal of a tmux of our own.

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/pki.sh"

securetcpctl=$top/sbin/securetcpctl/securetcpctl

terminal() { tmux -S "$PWD/tmux" -f /dev/null "$@"; }

# screen: what the terminal shows, in the file screen.
screen() { terminal capture-pane -p >screen; }

# on_screen PATTERN
on_screen() { screen && grep -Eq -e "$1" screen; }

# wait_screen PATTERN
wait_screen()
{
	wait_until 20 "screen: $1" on_screen "$1"
}

# see PATTERN...: the screen has these; what it has is shown else.
see()
{
	for _p in "$@"; do
		grep -Eq -e "$_p" screen || {
			cat screen
			atf_fail "the screen lacks: $_p"
		}
	done
}

# tops COLUMNS LINES [VARIABLE=VALUE]: top, and when it has left its exit code.
tops()
{
	_size="-x $1 -y $2"
	cat >tops.sh <<-SH
	trap : INT
	stty -g >before
	env ${3:-A=b} "$securetcpctl" -s "$PWD/control" top 2>&1
	echo "code=\$?"
	stty -g >after
	touch left
	cat
	SH
	rm -f left
	# shellcheck disable=SC2086
	terminal new-session -d $_size "sh tops.sh" 2>tmux.err || {
		cat tmux.err
		atf_fail "tmux does not start"
	}
	terminal display-message -p '#{pid}' >>pids
}

# leaves PATTERN: top has ended, the terminal is as it was and shows this.
leaves()
{
	wait_until 20 "the end of top" test -f left
	wait_screen "$1"
	atf_check cmp before after
}

# fits COLUMNS LINES
fits()
{
	awk -v columns="$1" -v lines="$2" '
		length > columns { bad = 1 }
		END { exit(bad || NR > lines) }' screen || {
		cat screen
		atf_fail "more than $1 columns or $2 lines"
	}
}

# chats NAME ARGUMENT...: a client whose bytes come back, until there is a file
# NAME.end.
chats()
{
	_end=$PWD/$1.end
	shift
	(until [ -f "$_end" ]; do
		echo hello
		sleep 0.1
	done) | openssl s_client -quiet -no_ign_eof \
	    -connect "127.0.0.1:$port" "$@" >chats.out 2>&1 &
	echo $! >>pids
}

# watched [STATEMENT]...: a server, and a block that nobody uses.
watched()
{
	serve "$@"
	{
		echo 'server "a.block.with.a.long.name" {'
		echo '	listen on 127.0.0.1 port 0'
		echo '	certificate "www"'
		echo '	echo'
		echo '}'
	} >>securetcpd.conf
	own_control
	start
}

scenario top "top shows blocks and connections with their rates, on a screen \
of any size, and q leaves it" require.progs "tmux openssl"
top_body()
{
	authority root
	# What a terminal would obey.
	issue root evil "/CN=evil$(printf '\033]0;x\007')"
	watched echo "client authentication optional ca \"$PWD/root.crt\""
	tops 80 24
	wait_screen '^a.block.with.a. open '
	chats one -cert evil.crt -key evil.key
	wait_screen '^ +[0-9]+ www +connected +[0-9]+s '
	see '^state +running for [0-9]+s, pid [0-9]+' '^problems +0$' \
	    '^servers +2, 2 open$' \
	    '^SERVER +STATE +NOW +MAX +PEND +IDLE +CONN/S ERR/MIN +IN/S +OUT/S$' \
	    '^www +open +1 +1000 +0 +[0-9]+ +[0-9.]+ +0 ' \
	    '^SESSION SERVER +STATE +AGE +IN/S OUT/S FROM +NAME$' \
	    ' 127\.0\.0\.1:[0-9]+ +CN=evil[^ ]+1B'
	fits 80 24
	# Rates are there where the kernel counts the bytes.
	[ "$system" != Linux -o -n "${kernel:-}" ] ||
	    wait_screen '^ +[0-9]+ www +connected +[0-9]+s +[1-9][0-9.]*[BK] '
	[ "$system" != Linux -o -n "${kernel:-}" ] ||
	    see '^www +open .* [1-9][0-9.]*[BK] +[1-9][0-9.]*[BK]$'
	terminal resize-window -x 50 -y 8
	wait_screen '^SERVER +STATE +NOW +MAX +PEND +IDLE *$'
	fits 50 8
	terminal resize-window -x 140 -y 44
	wait_screen '^descriptors +[0-9]+ of '
	wait_screen ' CN=evil[^ ]+1B]0.*x[^ ]+07$'
	touch one.end
	wait_closed 1
	wait_until 20 "its end" not on_screen ' www +connected '
	terminal send-keys x
	terminal send-keys q
	leaves '^code=0$'
}

scenario many "top tells how many more there are than its screen has room for" \
    require.progs tmux
many_body()
{
	watched echo
	for i in 1 2 3 4 5 6 7 8; do
		background "$peer" -C www.crt -t 110 connect \
		    "127.0.0.1:$port" tls write hello readn 5 \
		    touch "$i.in" until leave shutdown read
	done
	for i in 1 2 3 4 5 6 7 8; do
		wait_until 20 "connection $i" test -f "$i.in"
	done
	tops 80 14
	wait_screen '^.5 more.$'
	fits 80 14
	terminal resize-window -x 80 -y 24
	wait_until 20 "all of them" not on_screen ' more.$'
	atf_check_equal 8 "$(grep -c ' www *connected ' screen)"
	touch leave
	wait_closed 8
	wait_until 20 "their end" not on_screen connected
	terminal send-keys q
	leaves '^code=0$'
}

scenario interrupted "However top ends, the terminal is as it was" \
    require.progs tmux
interrupted_body()
{
	watched echo
	tops 80 24
	wait_screen '^www +open '
	terminal send-keys C-c
	leaves '^code=[1-9]'
	terminal kill-server
	tops 80 24
	wait_screen '^www +open '
	kill -KILL "$daemon"
	leaves '^securetcpctl: .*(has closed the connection|Broken pipe)$'
	see '^code=3$'
}

scenario no_terminal "Without a terminal that it knows top says so" \
    require.progs tmux
no_terminal_body()
{
	watched echo
	atf_check -s exit:1 -e match:"top needs a terminal" \
	    "$securetcpctl" -s "$PWD/control" top </dev/null
	atf_check -s exit:2 -e match:'^usage: securetcpctl .-s socket. top$' \
	    "$securetcpctl" -j -s "$PWD/control" top
	tops 80 24 TERM=nonsense
	leaves 'top cannot use this type of terminal$'
	see '^code=1$'
}

atf_init_test_cases()
{
	add_scenarios
}
