# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

. "$(atf_get_srcdir)/common.sh"

make=$(command -v bmake || command -v make)

# Where the system keeps its manuals, and how it starts a daemon.
case $system in
Linux)
	man=usr/local/share/man pc=usr/local/lib/pkgconfig
	script="444 usr/local/lib/systemd/system/securetcpd.service" ;;
FreeBSD)
	man=usr/local/share/man pc=usr/local/libdata/pkgconfig
	script="555 usr/local/etc/rc.d/securetcpd" ;;
*)
	man=usr/local/man pc=usr/local/lib/pkgconfig
	script="555 etc/rc.d/securetcpd" ;;
esac

scenario files "make install puts exactly its files into DESTDIR, with \
their modes" timeout 300 require.progs cc
files_body()
{
	atf_check -o ignore -e ignore "$make" -C "$top" install \
	    DESTDIR="$PWD/dest"
	(cd dest && modes $(find . ! -type d | sed 's,^\./,,')) |
	    sort -k 2 >installed
	sort -k 2 >expected <<-FILES
	444 usr/local/include/securetcp.h
	444 usr/local/lib/libsecuretcp.a
	444 $pc/securetcp.pc
	$script
	511 usr/local/libexec/securetcp-launcher
	511 usr/local/libexec/securetcp-resolver
	511 usr/local/libexec/securetcp-session
	511 usr/local/libexec/securetcp-signer
	555 usr/local/sbin/securetcpctl
	555 usr/local/sbin/securetcpd
	444 usr/local/share/examples/securetcpd/behind-load-balancer.conf
	444 usr/local/share/examples/securetcpd/echo_client.c
	444 usr/local/share/examples/securetcpd/fetch.c
	444 usr/local/share/examples/securetcpd/https.conf
	444 usr/local/share/examples/securetcpd/imaps-smtps.conf
	444 usr/local/share/examples/securetcpd/metrics.conf
	444 usr/local/share/examples/securetcpd/postgresql-tunnel-client.conf
	444 usr/local/share/examples/securetcpd/postgresql-tunnel-server.conf
	444 usr/local/share/examples/securetcpd/redis-client-certificates.conf
	444 usr/local/share/examples/securetcpd/securetcpd.conf
	444 usr/local/share/examples/securetcpd/server.c
	444 usr/local/share/examples/securetcpd/shell.conf
	444 usr/local/share/examples/securetcpd/site-to-site.conf
	444 usr/local/share/examples/securetcpd/try.conf
	444 $man/man3/securetcp.3
	444 $man/man5/securetcpd.conf.5
	444 $man/man8/securetcp-launcher.8
	444 $man/man8/securetcp-resolver.8
	444 $man/man8/securetcp-session.8
	444 $man/man8/securetcp-signer.8
	444 $man/man8/securetcpctl.8
	444 $man/man8/securetcpd.8
	FILES
	atf_check -o file:expected cat installed
	# Nobody but the owner may write to any of it.
	atf_check -o empty find dest -perm -020
	atf_check -o empty find dest -perm -002
	# What is installed runs its helpers from PREFIX and nowhere else.
	atf_check -o match:"^/usr/local/libexec" \
	    strings -a dest/usr/local/sbin/securetcpd
}

scenario runs "What was installed with another PREFIX runs from there" \
    timeout 300 require.progs cc
runs_body()
{
	need_ptrace
	mkdir tree
	(cd "$top" && tar -cf - ./*) | (cd tree && tar -xf -)
	atf_check -o ignore -e ignore "$make" -C tree clean
	atf_check -o ignore -e ignore "$make" -C tree install \
	    PREFIX="$PWD/prefix"
	rm -rf tree
	securetcpd=$PWD/prefix/sbin/securetcpd
	serve echo
	start
	atf_check -o inline:"installed" -e ignore "$peer" -C www.crt connect \
	    "127.0.0.1:$port" tls write installed shutdown read
	for p in $(signers); do
		runs_from "$p" "$PWD/prefix/libexec/securetcp-signer"
	done
	for p in $(spawners); do
		runs_from "$p" "$PWD/prefix/libexec/securetcp-session"
	done
	stop_daemon
	# Without its helpers it says which one is missing.
	rm prefix/libexec/securetcp-signer
	launch
	wait_until 20 "its end" dead "$daemon"
	atf_check -o match:"securetcp-signer in $PWD/prefix/libexec" cat log
}

# runs_from PID FILE: that is its program.
runs_from()
{
	case $system in
	Linux)
		atf_check -o inline:"$2\n" readlink "/proc/$1/exe" ;;
	*)
		# By its number, as fstat(1) has it.
		inode=$(ls -i "$2" | awk '{ print $1 }')
		fstat -p "$1" >held
		atf_check -o inline:"$inode\n" \
		    awk '$4 == "text" { print $6; exit }' held ;;
	esac
}

scenario hardened "The programs are position independent, with RELRO and a \
stack protector" require.progs readelf
hardened_body()
{
	# OpenBSD has a handler of its own, or guards each function with
	# something of its own; its C library, and that of FreeBSD before 15,
	# has no functions that know the sizes of buffers.
	guard=__stack_chk_fail
	fortified=yes
	case $system:$(uname -r) in
	OpenBSD:*)	guard='__stack_smash_handler|__retguard' fortified= ;;
	FreeBSD:1[0-4].*)	fortified= ;;
	esac
	for p in sbin/securetcpd/securetcpd sbin/securetcpctl/securetcpctl \
	    libexec/securetcp-launcher/securetcp-launcher \
	    libexec/securetcp-resolver/securetcp-resolver \
	    libexec/securetcp-session/securetcp-session \
	    libexec/securetcp-signer/securetcp-signer; do
		atf_check -o match:"Type: +DYN" readelf -h "$top/$p"
		atf_check -o match:"GNU_RELRO" readelf -lW "$top/$p"
		atf_check -o match:"BIND_NOW|Flags: NOW" readelf -dW "$top/$p"
		atf_check -o match:"$guard" readelf -sW "$top/$p"
		[ -z "$fortified" ] ||
		    atf_check -o match:"_chk@" readelf -sW "$top/$p"
	done
}

# lacks PROGRAM "LIBRARIES" "FUNCTIONS": neither needed, nor called, nor linked
# into it.
lacks()
{
	readelf -dW "$top/$1" >dynamic
	readelf -sW "$top/$1" >symbols
	atf_check test "$(grep -c NEEDED dynamic)" -ge 1
	atf_check test "$(grep -c wire_parse symbols)" -ge 1
	atf_check -s exit:1 grep -E "NEEDED.*lib($2)\\." dynamic
	atf_check -s exit:1 grep -E " ($3)_" symbols
}

scenario linked "Only what serves a connection links libtls, only it and the \
signer libcrypto: whatever else there is can neither parse a certificate nor \
use a key" require.progs readelf
linked_body()
{
	crypto="X509|ASN1|OBJ|EVP|OPENSSL|CRYPTO|ERR|BIO|PEM|OCSP|d2i|i2d|RSA"
	for p in sbin/securetcpd/securetcpd \
	    libexec/securetcp-launcher/securetcp-launcher \
	    libexec/securetcp-resolver/securetcp-resolver; do
		lacks $p "tls|ssl|crypto" "tls|SSL|$crypto"
	done
	lacks libexec/securetcp-signer/securetcp-signer "tls|ssl" "tls|SSL"
	atf_check -o match:'NEEDED.*libcrypto\.' cat dynamic
}

atf_init_test_cases()
{
	add_scenarios
}
