# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

top=$(cd "$(atf_get_srcdir)/../../.." && pwd)

# placeholder NAME SECTION: a manual of a system that is not this one.
placeholder()
{
	mkdir -p "manuals/man$2"
	printf '.Dd January 1, 2026\n.Dt %s %s\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n' \
	    "$1" "$2" "$1" "$1" >"manuals/man$2/$1.$2"
}

atf_test_case lint
lint_head()
{
	atf_set descr "mandoc -W style finds nothing to say about any manual, \
and each one referred to is ours or known to be one of these systems"
	atf_set require.progs "mandoc makewhatis"
}
lint_body()
{
	atf_check -o not-empty ls "$top"/man/*.[1-9]
	for m in "$top"/man/*.[1-9]; do
		mkdir -p "manuals/man${m##*.}"
		cp "$m" "manuals/man${m##*.}"
	done
	# Whether a host has the manuals of others is not what is tested.
	for m in acme-client.1 cap_dns.3 execve.2 getaddrinfo.3 \
	    getpeereid.3 inetd.8 openssl.1 pdfork.2 pledge.2 poll.2 protect.1 ps.1 ptrace.2 \
	    seccomp.2 socketpair.2 syslog.3 syslogd.8 \
	    tls_config_set_protocols.3 tls_init.3 vis.3; do
		placeholder "${m%.*}" "${m##*.}"
	done
	makewhatis "$PWD/manuals"
	for m in "$top"/man/*.[1-9]; do
		atf_check env MANPATH="$PWD/manuals" mandoc -Tlint -W style \
		    "$m"
	done
}

# numbers_of FILE: "number name" of the tables of errors in a manual.
numbers_of()
{
	sed -n 's/^\.It \([0-9][0-9]*\) Ta \(pt[A-Za-z0-9]*\).*$/\1 \2/p' "$1" |
	    sort
}

atf_test_case errors
errors_head()
{
	atf_set descr "The table of errors in securetcp(3) is that of \
securetcp.h, and securetcpd(8) has those that its processes report"
}
errors_body()
{
	sed -n 's/^	\(pt[A-Za-z0-9]*\) = \([0-9]*\),*$/\2 \1/p' \
	    "$top/lib/libsecuretcp/securetcp.h" | sort >header
	atf_check -o not-empty cat header
	numbers_of "$top/man/securetcp.3" >manual
	atf_check -o file:header cat manual
	numbers_of "$top/man/securetcpd.8" >daemon
	atf_check -o not-empty cat daemon
	atf_check -o empty comm -13 header daemon
	sed 's/.* //' daemon | sort >names
	sed -n 's/^[^*]*[^A-Za-z_]\(pt[A-Z][A-Za-z0-9]*\).*/\1/p' \
	    "$top"/sbin/securetcpd/*.c "$top"/libexec/*/*.c | grep -vx ptOk |
	    sort -u >used
	atf_check -o match:'^ptAuthentication$' cat used
	atf_check -o empty comm -13 names used
}

atf_test_case options
options_head()
{
	atf_set descr "securetcpd(8) describes each option its usage line has"
}
options_body()
{
	"$top/sbin/securetcpd/securetcpd" -h 2>usage >/dev/null
	atf_check -o match:"^usage: securetcpd " cat usage
	for o in d n v D f; do
		atf_check -o match:"-[a-zA-Z]*$o" cat usage
		atf_check -o match:"^\\.It Fl $o" cat "$top/man/securetcpd.8"
	done
}

# macros NAME...: the words that securetcpd.conf(5) has in these macros.
macros()
{
	awk -v wanted=" $* " '/^\./ {
		sub(/^\./, "")
		in_one = 0
		for (i = 1; i <= NF; i++) {
			if ($i ~ /^[A-Z][a-z]$/)
				in_one = index(wanted, " " $i " ")
			else if (in_one && $i ~ /^[a-z]+$/)
				print $i
		}
	}' "$top/man/securetcpd.conf.5" | sort -u
}

# timers: "word default" of the timers of a block.
timers()
{
	sed -n '/^const struct conf_timer/,/^};/p' \
	    "$top/sbin/securetcpd/conf.c" | tr -d '\n' | tr '}' '\n' |
	    sed -n 's/.*{ "\([a-z]*\)",.*),[[:space:]]*\([0-9]*\),.*/\1 \2/p'
}

# timer NAME: its default.
timer()
{
	n=$(timers | sed -n "s/^$1 //p")
	[ -n "$n" ] || atf_fail "conf.c has no timer $1"
	echo "$n"
}

atf_test_case words
words_head()
{
	atf_set descr "securetcpd.conf(5) has every word of the grammar, and \
shows none as one that is not"
}
words_body()
{
	sed -n '/^static const struct keyword keywords/,/^};/p' \
	    "$top/sbin/securetcpd/parse.y" |
	    sed -n 's/^	{ "\([a-z]*\)",.*/\1/p' | sort >words
	atf_check -o match:'^server$' cat words
	# What the lexer knows is what the grammar can make use of.
	sed -n 's/^%token <token>//p' "$top/sbin/securetcpd/parse.y" |
	    tr -s '\t ' '\n\n' | grep -v -x -e '' -e STRING -e TIMER |
	    tr '[:upper:]' '[:lower:]' | sort >tokens
	atf_check -o file:words cat tokens
	timers | sed 's/ .*//' >names
	atf_check -o match:'^handshake$' cat names
	sort -o words words names
	macros Ic Cm >shown
	atf_check -o empty comm -23 words shown
	macros Ic >statements
	atf_check -o empty comm -13 words statements
}

# conf NAME: a number of conf.h.
conf()
{
	n=$(sed -n "s/^#define $1[[:space:]]*\([0-9][0-9]*\).*/\1/p" \
	    "$top/sbin/securetcpd/conf.h")
	[ -n "$n" ] || atf_fail "conf.h has no number $1"
	echo "$n"
}

# says TEXT: securetcpd.conf(5) does.
says()
{
	grep -q -F -e "$1" text || atf_fail "securetcpd.conf(5) lacks: $1"
}

atf_test_case numbers
numbers_head()
{
	atf_set descr "Defaults and bounds in securetcpd.conf(5) are those of \
conf.h"
	atf_set require.progs "mandoc"
}
numbers_body()
{
	mandoc -Tascii "$top/man/securetcpd.conf.5" |
	    col -b | tr -s ' \t\n' ' ' >text
	says "a second to $(($(conf CONF_DRAIN_MAX) / 3600)) hours"
	says "from a second to $(($(conf CONF_INTERVAL_MAX) / 3600)) hours, \
$(conf CONF_INTERVAL) seconds by default."
	says "How many signers to run, from 1 to $(conf CONF_SIGNERS_MAX)."
	says "sessions, from 1 to $(conf CONF_LIFETIME_MAX). The default is \
$(conf CONF_LIFETIME)."
	says "up to $(conf CONF_RULES_MAX) of them, each ending"
	says "up to $(conf CONF_MATCHES_MAX) of them, and the first"
	says "Limits, each from 1 to $(conf CONF_CONNECTIONS_MAX) and"
	says "The default is $(conf CONF_MAX), or what the system can hold"
	says "one address at a time; $(conf CONF_PER_SOURCE) by default."
	says "under way; $(conf CONF_PENDING) by default."
	says "to $(conf CONF_ARGUMENTS_MAX) words, the path among them"
	says "can be repeated, up to $(conf CONF_BACKENDS_MAX) times."
	says "from 1 to $(conf CONF_BACKLOG_MAX), $(conf CONF_BACKLOG) by"
	says "from 1 to $(conf CONF_PREFORK_MAX) and not above"
	says "together. The default is $(conf CONF_PREFORK)."
	atf_check_equal 3600 "$(conf CONF_TIME_MAX)"
	says "from a second to an hour, and idle to \
$(($(conf CONF_IDLE_MAX) / 3600)) hours:"
	says "header included; $(timer handshake) seconds by default."
	says "either direction; $(timer idle) seconds by default."
	says "the connection; $(timer backend) seconds by default."
	says "stops; $(timer close) seconds by default."
}

atf_test_case examples
examples_head()
{
	atf_set descr "The examples of securetcpd.conf(5) are one good \
configuration but for the files and accounts they name"
	atf_set require.progs "mandoc"
}
examples_body()
{
	awk '/^\.Sh / { on = /EXAMPLES/ }
	    on && /^\.Ed/ { show = 0 }
	    show { print }
	    on && /^\.Bd -literal/ { show = 1 }' \
	    "$top/man/securetcpd.conf.5" | sed 's/\\e/\\/g' >examples.conf
	atf_check_equal 9 "$(grep -c -e '^server ' -e '^client ' examples.conf)"
	"$top/sbin/securetcpd/securetcpd" -n -f examples.conf >out 2>&1
	# One who is not root cannot run programs as somebody else.
	if grep -v -e ': No such file or directory$' \
	    -e ': Permission denied$' \
	    -e 'user "_securetcpk*" does not exist' \
	    -e 'only root can execute as another user' \
	    -e '^configuration OK$' out; then
		atf_fail "see above"
	fi
}

atf_test_case keys
keys_head()
{
	atf_set descr "securetcpd(8) has every key that a line of the log can \
have"
}
keys_body()
{
	# What only securetcpctl(8) is told is in its manual.
	for f in "$top"/sbin/securetcpd/*.c; do
		case $f in
		*/control.c|*/report.c)	continue ;;
		esac
		sed -n 's/.*line_add[a-z_]*(&*[a-z]*, "\([a-z]*\)",.*/\1/p' "$f"
	done | sort -u >keys
	sed -n 's/.*put_message([A-Z_]*, "\([a-z]*\)",.*/\1/p' \
	    "$top/sbin/securetcpd/log.c" | sort -u >>keys
	atf_check -o match:'^session$' -o match:'^fatal$' cat keys
	sed -n '/^\.Ss Keys/,/^\.Ss Levels/s/^\.It Cm //p' \
	    "$top/man/securetcpd.8" | tr -s ', ' '\n\n' | sort -u >manual
	sort -u keys >sorted
	atf_check -o empty comm -23 sorted manual
}

atf_test_case figures
figures_head()
{
	atf_set descr "securetcpctl(8) has every key of JSON and no other, and \
every command with its arguments"
	atf_set require.progs "mandoc"
}
figures_body()
{
	sed -n 's/^	{ "\([a-z]*\)", KIND_.*/\1/p' \
	    "$top/sbin/securetcpctl/show.c" | sort -u >keys
	atf_check -o match:'^uptime$' cat keys
	sed -n '/^\.Ss Figures/,/^\.Sh FILES/s/^\.It Cm //p' \
	    "$top/man/securetcpctl.8" | tr -s ', ' '\n\n' | sort -u >manual
	atf_check -o file:keys cat manual
	"$top/sbin/securetcpctl/securetcpctl" 2>&1 |
	    sed 's/.*\[-s socket\] //' >usage
	atf_check -o match:'^show summary$' cat usage
	mandoc -Tascii "$top/man/securetcpctl.8" | col -b |
	    sed -n 's/^     \([a-z].*\)$/\1/p' | tr -d ' ' >shown
	while read -r command; do
		grep -q -F -e "$(echo "$command" | tr -d ' ')" shown ||
		    atf_fail "securetcpctl(8) lacks: $command"
	done <usage
}

atf_test_case messages
messages_head()
{
	atf_set descr "The manuals of the helpers have every message of wire.h, \
and no other"
}
messages_body()
{
	sed -n '/^enum wire_type {/,/^};/p' "$top/lib/libwire/wire.h" |
	    sed -n 's/^	WIRE_\([A-Z_]*\)[ ,].*/\1/p
		s/^	WIRE_\([A-Z_]*\),*$/\1/p' | grep -vx TYPE_MAX |
	    sort >messages
	atf_check -o match:'^ESTABLISHED$' cat messages
	for m in "$top"/man/securetcp-*.8; do
		sed -n '/^\.Ss Messages/,/^\.Ss Sandbox/p' "$m"
	done | sed -n 's/^\.It Cm //p' | sed 's/ Ta .*//' |
	    tr -s ', ' '\n\n' | sort -u >manuals
	atf_check -o file:messages cat manuals
}

# text PAGE: a manual as it is read, in one line.
text()
{
	mandoc -Tascii "$top/man/$1" | col -b | tr -s ' \t\n' ' '
}

# calls FILE...: the system calls that these filters name, by the name that
# the manuals have for all variants of one.
calls()
{
	sed '/^#ifdef SANDBOX_WIDEN/,/^#e[a-z]*/d' "$@" | tr ' ' '\n' |
	    sed -n 's/.*SCMP_SYS(\([a-z0-9_]*\)).*/\1/p'
	sed -n 's/.*ALLOW(ctx, \([a-z0-9_]*\),.*/\1/p' "$@"
}

atf_test_case sandboxes
sandboxes_head()
{
	atf_set descr "The manuals have the promises and the system calls of \
each sandbox"
	atf_set require.progs "mandoc"
}
sandboxes_body()
{
	for m in securetcpd.8 securetcp-signer.8 securetcp-session.8 \
	    securetcp-launcher.8 securetcp-resolver.8; do
		text $m
	done >all
	# A string may have several lines.
	tr -d '\n\t' <"$top/lib/libsandbox/sandbox_pledge.c" |
	    sed -e 's/" *"//g' -e 's/return ("/\
/g' | sed -n 's/^\(stdio[a-z ]*\)");.*/\1/p' | sort -u >promises
	atf_check -o match:'^stdio rpath wpath .* getpw$' cat promises
	atf_check -o match:'^stdio dns$' cat promises
	while read -r promise; do
		grep -q -F -e "$promise" all ||
		    atf_fail "no manual has the promises $promise"
	done <promises
	for m in signer session; do
		text securetcp-$m.8
	done | tr -s ' ,;:.()' '\n' >words
	text securetcp-resolver.8 | tr -s ' ,;:.()' '\n' >>words
	calls "$top"/lib/libsandbox/sandbox_seccomp*.c | sort -u >calls
	atf_check -o match:'^getrandom$' -o match:'^recvmmsg$' cat calls
	while read -r call; do
		case $call in
		fcntl64|mmap2)	call=${call%[26]*} ;;
		name)		continue ;;	# the macro's own
		esac
		grep -q -x -e "$call" words ||
		    atf_fail "no manual has the system call $call"
	done <calls
}

# bound NAME: a number of a helper, or of the parent about one.
bound()
{
	n=$(sed -n "s/^#define $1[[:space:]]*\([0-9][0-9]*\).*/\1/p" \
	    "$top"/sbin/securetcpd/*.[ch] "$top"/libexec/*/*.[ch])
	[ -n "$n" ] || atf_fail "nothing defines $1"
	echo "$n"
}

# tells TEXT: the manual that was made text last does.
tells()
{
	grep -q -F -e "$1" text || atf_fail "$page lacks: $1"
}

atf_test_case limits
limits_head()
{
	atf_set descr "The limits in the manuals of the helpers are those of \
the programs"
	atf_set require.progs "mandoc"
}
limits_body()
{
	page=securetcp-signer.8
	text $page >text
	tells "Descriptors: $(bound SIGNER_NOFILE). Memory: \
$(bound SIGNER_MEMORY) MB more"
	page=securetcp-resolver.8
	text $page >text
	tells "Descriptors: $(bound RESOLVER_NOFILE). Memory: \
$(bound RESOLVER_MEMORY) MB more"
	tells "The parent waits $(bound RESOLVER_PATIENCE) seconds"
	page=securetcp-launcher.8
	text $page >text
	tells "descriptors $(bound LAUNCHER_NOFILE), on"
	page=securetcp-session.8
	text $page >text
	tells "descriptors $(bound SPAWNER_NOFILE) $(bound SESSION_NOFILE) \
$(bound CHECKER_NOFILE)"
	tells "memory +$(bound SESSION_MEMORY) MB +$(bound SESSION_MEMORY) MB \
+$(bound INSPECT_MEMORY) MB"
	tells "at most $(bound CHECKER_SECONDS) seconds for a word"
	tells "says $(bound INSPECT_MOST) things about one file"
	tells "and $(bound CRL_MB) MB more again"
	tells "still there $(bound LEAVE_SECONDS) seconds after the end"
	tells "within $(bound CRASH_WINDOW) seconds make it pause for \
$(bound CRASH_PAUSE) seconds"
	page=securetcpd.8
	text $page >text
	tells "says nothing for $(bound SILENT_SECONDS) seconds is replaced"
	tells "at last every $(bound PROC_BACKOFF) seconds"
}

atf_test_case statuses
statuses_head()
{
	atf_set descr "The manuals of the helpers have each exit status"
}
statuses_body()
{
	sed -n 's/^#define HELPER_[A-Z]*[[:space:]]*\([1-9]\)[[:space:]].*/\1/p' \
	    "$top/lib/libhelper/helper.h" | sort >expected
	atf_check -o match:'^3$' cat expected
	for m in "$top"/man/securetcp-*.8; do
		sed -n '/^\.Sh EXIT/,/^\.Sh DIAG/s/^\.It \([1-9]\)$/\1/p' \
		    "$m" | sort >statuses
		atf_check -o file:expected cat statuses
	done
}

atf_test_case guide
guide_head()
{
	atf_set descr "The files that CONTRIBUTING.md names are there, and \
regress/README has every directory of tests"
}
guide_body()
{
	tr -cs 'A-Za-z0-9_.' '\n' <"$top/CONTRIBUTING.md" |
	    sed 's/[.]$//' | grep '^[a-z_0-9][a-z_0-9]*[.][chy]$' |
	    sort -u >named
	atf_check -o match:'^listener.c$' cat named
	(cd "$top" && find bench lib libexec sbin regress -name '*.[chy]') |
	    sed 's,.*/,,' | sort -u >there
	atf_check -o empty comm -23 named there
	for d in "$top"/regress/*/Makefile "$top"/regress/*/*/Makefile; do
		d=${d%/Makefile}
		d=${d##*/}
		sed -n '/^The areas/,/^The tools/p' "$top/regress/README" |
		    grep -q -w -e "^ *$d" -e "^[a-z ,]*, $d" ||
		    atf_fail "regress/README lacks $d"
	done
}

atf_init_test_cases()
{
	atf_add_test_case lint
	atf_add_test_case errors
	atf_add_test_case options
	atf_add_test_case words
	atf_add_test_case numbers
	atf_add_test_case examples
	atf_add_test_case keys
	atf_add_test_case figures
	atf_add_test_case messages
	atf_add_test_case sandboxes
	atf_add_test_case limits
	atf_add_test_case statuses
	atf_add_test_case guide
}
