# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC
#
# The library as another program finds it: installed.

top=$(cd "$(atf_get_srcdir)/../../.." && pwd)
make=$(command -v bmake || command -v make)

# Installs it into prefix; sets flags, to compile and link with it.
installed()
{
	atf_check -o ignore -e ignore "$make" -C "$top/lib/libsecuretcp" \
	    install PREFIX="$PWD/prefix"
	pc=$(dirname "$(find "$PWD/prefix" -name securetcp.pc)")
	PKG_CONFIG_PATH=$pc${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
	export PKG_CONFIG_PATH
	flags=$(pkg-config --cflags --libs securetcp) ||
	    atf_fail "pkg-config does not find securetcp"
}

# example NAME: compiles an example as it was installed.
example()
{
	atf_check ${CC:-cc} -std=c99 -D_DEFAULT_SOURCE -Wall -Wextra -Werror \
	    -o "$1" "prefix/share/examples/securetcpd/$1.c" $flags
}

certificate()
{
	openssl req -x509 -sha256 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
	    -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	    -keyout key.pem -out cert.pem -days 2 2>/dev/null ||
	    atf_fail "no certificate"
}

# await FILE PID [WORD]: until the file has a line, with that in it.
await()
{
	until grep -q "${3-.}" "$1" 2>/dev/null; do
		kill -0 "$2" || atf_fail "it has gone: $(cat err)"
		sleep 0.1
	done
}

# lines N: the numbers up to N.
lines() { awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) print i }'; }

atf_test_case names
names_head()
{
	atf_set descr "the archive's names begin with securetcp_ or stcp_, it" \
	    "needs none that neither the TLS library nor the C library has," \
	    "and each function of the header is in it and in securetcp(3)"
	atf_set require.progs "nm mandoc"
}
names_body()
{
	installed
	nm -g prefix/lib/libsecuretcp.a |
	    awk 'NF == 3 && $2 != "U" { print $3 }' | sort -u >defined
	atf_check -o not-empty cat defined
	atf_check -s exit:1 grep -Ev '^(securetcp|stcp)_' defined
	# No threads and no signals, nothing that raises SIGPIPE, prints or
	# ends the program.
	nm -u prefix/lib/libsecuretcp.a | awk '$1 == "U" { print $2 }' |
	    sort -u >needed
	atf_check -s exit:1 grep -E '^(pthread|thrd|sig|_*sig|kill|raise)' \
	    needed
	atf_check -s exit:1 grep -xE 'write|writev|fork|exit|abort|printf' \
	    needed
	sed -e 's,/\*.*\*/,,' -e '/^\/\*/,/\*\//d' -e '/^ \*/d' \
	    prefix/include/securetcp.h | grep -o 'securetcp_[a-z0-9_]*(' |
	    tr -d '(' | sort -u >declared
	[ "$(wc -l <declared)" -gt 70 ] || atf_fail "few are declared"
	atf_check -o empty comm -23 declared defined
	# What is not declared is private, but for the daemon's table.
	comm -13 declared defined | grep -vx -e securetcp_error_lookup \
	    -e securetcp_error_policy >others
	atf_check -s exit:1 grep -v '^stcp_' others
	sed -n 's/^\.F[no] \(securetcp_[a-z0-9_]*\).*/\1/p' \
	    "$top/man/securetcp.3" | sort -u >documented
	atf_check -o file:declared cat documented
}

atf_test_case layers
layers_head()
{
	atf_set descr "each file of the library calls only those before it in" \
	    "its Makefile"
	atf_set require.progs "nm"
}
layers_body()
{
	library=$top/lib/libsecuretcp
	sed -n 's/^SRCS+*=[ 	]*//p' "$library/Makefile" >order
	[ "$(wc -l <order)" -gt 10 ] || atf_fail "few files"
	nm -g "$library/libsecuretcp.a" >names
	awk 'FNR == NR { sub(/\.c$/, ".o:"); order[$1] = FNR; next }
	    NF == 1 && /:$/ { at = order[$1]; file[at] = $1; next }
	    NF == 3 && $2 != "U" { where[$3] = at; next }
	    $1 == "U" { calls[at " " $2] = 1 }
	    END {
		for (c in calls) {
			split(c, f)
			if (where[f[2]] + 0 > f[1] + 0 || f[1] + 0 == 0)
				print file[f[1]], f[2], file[where[f[2]]]
		}
	    }' order names >above
	atf_check -o empty cat above
}

atf_test_case header
header_head()
{
	atf_set descr "the header alone, first of all, in C of every" \
	    "standard and in C++; the library's version is the header's"
	atf_set require.progs "ar c++ pkg-config"
}
header_body()
{
	installed
	cat >use.c <<-C
	#include <securetcp.h>
	int
	main(void)
	{
		struct securetcp_handlers h = { 0, 0, 0, 0, 0 };
		struct securetcp_config *sc = securetcp_config_new();
		struct securetcp *tcp = securetcp_new(sc, &h, 0);
		int closed = securetcp_state(tcp) == SECURETCP_CLOSED;

		securetcp_free(tcp);
		securetcp_config_free(sc);
		return (!closed || securetcp_library_version() !=
		    SECURETCP_LIBRARY_VERSION);
	}
	C
	cp use.c use.cc
	for std in c99 c11 gnu17; do
		atf_check ${CC:-cc} -std=$std -Wall -Wextra -Werror -o use \
		    use.c $flags
		atf_check ./use
	done
	atf_check ${CXX:-c++} -std=c++11 -Wall -Wextra -Werror -o use use.cc \
	    $flags
	atf_check ./use
	version=$(pkg-config --modversion securetcp)
	atf_check -o inline:"$(echo "$version" |
	    awk -F . '{ print $1 * 10000 + $2 * 100 + $3 }')\n" \
	    sed -n 's/^#define SECURETCP_LIBRARY_VERSION[ 	]*//p' \
	    prefix/include/securetcp.h
}

atf_test_case echo
echo_head()
{
	atf_set descr "the example server and the example echo client with" \
	    "each other, and the server with openssl s_client"
	atf_set require.progs "ar openssl pkg-config"
}
echo_body()
{
	installed
	certificate
	example server
	example echo_client
	./server cert.pem key.pem >port 2>err &
	pid=$!
	await port $pid
	port=$(cat port)
	printf 'hello\nthere\n' >lines
	atf_check -o file:lines \
	    -e inline:'connecting\nconnected\nclosing\nclosed\n' \
	    ./echo_client 127.0.0.1 "$port" localhost cert.pem <lines
	# Many records, more than any buffer.
	lines 2000 >lines
	atf_check -o file:lines -e ignore \
	    ./echo_client 127.0.0.1 "$port" localhost cert.pem <lines
	# Another name, another CA.
	atf_check -s exit:1 -o empty \
	    -e match:'^connecting$' -e match:'not for other' \
	    -e match:'\(12012\)' -e match:'^closed$' \
	    ./echo_client 127.0.0.1 "$port" other cert.pem <lines
	atf_check -s exit:1 -o empty -e match:'\(12012\)' \
	    ./echo_client 127.0.0.1 "$port" localhost <lines
	mkfifo in out
	openssl s_client -connect "127.0.0.1:$port" -CAfile cert.pem \
	    -verify_return_error -quiet <in >out 2>cerr &
	client=$!
	exec 7>in 8<out
	echo "over there" >&7
	read line <&8
	[ "$line" = "over there" ] || atf_fail "got $line"
	exec 7>&-
	kill $client
	wait $client || :
	# Several at once that send more than all queues hold.
	lines 300000 >big
	for i in 1 2 3; do
		openssl s_client -connect "127.0.0.1:$port" -CAfile cert.pem \
		    -verify_return_error -quiet <big >out$i 2>cerr &
		eval "client$i=$!"
	done
	for i in 1 2 3; do
		until [ "$(wc -c <out$i)" -ge "$(wc -c <big)" ]; do
			kill -0 $pid || atf_fail "it has gone: $(cat err)"
			sleep 0.1
		done
		eval "kill \$client$i; wait \$client$i" || :
		atf_check cmp big out$i
	done
	kill $pid
	wait $pid || :
}

atf_test_case fetch
fetch_head()
{
	atf_set descr "the example client that blocks fetches a page from" \
	    "openssl s_server, by name, and refuses a server it cannot verify"
	atf_set require.progs "ar openssl pkg-config"
}
fetch_body()
{
	installed
	certificate
	example fetch
	lines 5000 >page
	openssl s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem \
	    -WWW >log 2>err &
	pid=$!
	await log $pid ACCEPT
	port=$(sed -n 's/^ACCEPT .*://p' log)
	[ -n "$port" ] || {
		kill $pid
		atf_skip "this openssl does not tell its port"
	}
	atf_check -o file:page -e match:'^HTTP/1.0 200' \
	    ./fetch localhost "$port" /page cert.pem
	atf_check -s exit:1 -o empty -e match:'could not be authenticated' \
	    ./fetch localhost "$port" /page
	atf_check -s exit:1 -o empty -e match:'not for 127.0.0.1' \
	    ./fetch 127.0.0.1 "$port" /page cert.pem
	kill $pid
	wait $pid || :
	atf_check -s exit:1 -o empty -e match:'refused' \
	    ./fetch 127.0.0.1 "$port" /page cert.pem
}

atf_init_test_cases()
{
	atf_add_test_case names
	atf_add_test_case layers
	atf_add_test_case header
	atf_add_test_case echo
	atf_add_test_case fetch
}
