# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The ports in etc/ports, as far as any system can look at them: their lists
# of files against what "make install" puts in place there, their Makefiles
# against a stub of bsd.port.mk, and what both say of accounts.

top=$(cd "$(atf_get_srcdir)/../../.." && pwd)
ports=$top/etc/ports
make=$(command -v bmake || command -v make)

# put OS DIRECTORY: install there as on that system, with programs that were
# built for this one: only a copy of the tree may be told of another system.
put()
{
	mkdir tree
	(cd "$top" && tar -cf - BSDmakefile Makefile mk etc man lib libexec \
	    sbin) | (cd tree && tar -xf -)
	find tree -name '*.[od]' -exec rm -f {} +
	atf_check -o ignore -e ignore "$make" -C tree realinstall \
	    OS="$1" DESTDIR="$2" PREFIX=/usr/local
}

# modes DIRECTORY: "mode owner path" of each file below it, by path.
modes()
{
	(cd "$1" && find . ! -type d -exec ls -ln {} +) |
	    awk '{ sub("^[.]/", "/", $NF); print substr($1, 1, 10), $3, $NF }' |
	    sort -k 3
}

# want: the same for a list of paths, as whoever installs gets it.
want()
{
	sort | while read -r path; do
		case $path in
		*/libexec/*)		mode=-r-x--x--x ;;
		*/sbin/*|*/rc.d/*)	mode=-r-xr-xr-x ;;
		*)			mode=-r--r--r-- ;;
		esac
		echo "$mode $(id -u) $path"
	done
}

atf_test_case files_openbsd
files_openbsd_head()
{
	atf_set descr "pkg/PLIST of OpenBSD's port lists what is installed \
there"
	atf_set timeout 120
}
files_openbsd_body()
{
	put OpenBSD "$PWD/dest"
	modes dest >installed
	plist=$ports/openbsd/pkg/PLIST
	{
		sed -n 's,^\([a-z].*[^/]\)$,/usr/local/\1,p' "$plist"
		sed -n 's,^@bin ,/usr/local/,p; s,^@man ,/usr/local/,p
		    s,^@static-lib ,/usr/local/,p' "$plist"
		sed -n 's,^@rcscript ${RCDIR},/etc/rc.d,p' "$plist"
	} | sort -u | want >listed
	atf_check -o file:listed cat installed
	# No annotation that is not looked at here.
	atf_check -s exit:1 grep -Ev '^[a-z]|^@(bin|man|static-lib) |^@(comment|newgroup|newuser|rcscript|sample|mode)' \
	    "$plist"
	# What is copied to /etc is a file that comes before it.
	for f in securetcpd.conf login.conf.d/securetcpd; do
		atf_check -o ignore grep -Fx "@sample \${SYSCONFDIR}/$f" \
		    "$plist"
		atf_check -o ignore grep -x "share/examples/.*${f##*/}" \
		    "$plist"
	done
	atf_check cmp "$ports/openbsd/pkg/securetcpd.login" \
	    dest/usr/local/share/examples/login.conf.d/securetcpd
}

atf_test_case files_freebsd
files_freebsd_head()
{
	atf_set descr "pkg-plist of FreeBSD's port lists what is installed \
there"
	atf_set timeout 120
}
files_freebsd_body()
{
	put FreeBSD "$PWD/dest"
	modes dest >installed
	plist=$ports/freebsd/pkg-plist
	# Manuals are compressed for a package, and USE_RC_SUBR lists what it
	# makes.
	{
		sed -e 's,^%%EXAMPLESDIR%%,share/examples/securetcpd,' \
		    -e '/^share\/man\//s,[.]gz$,,' -e 's,^,/usr/local/,' \
		    "$plist"
		echo /usr/local/etc/rc.d/securetcpd
	} | want >listed
	atf_check -o file:listed cat installed
	atf_check -s exit:1 grep '^@' "$plist"
	atf_check -o match:'[.]gz$' grep '^share/man/' "$plist"
}

atf_test_case scripts
scripts_head()
{
	atf_set descr "A start script is the port's, with PREFIX in its place"
}
scripts_body()
{
	for os in OpenBSD FreeBSD; do
		(cd "$top/etc" && tar -cf - .) | (mkdir $os && cd $os &&
		    tar -xf -)
		atf_check -o ignore "$make" -C $os install OS=$os \
		    DESTDIR="$PWD/dest" PREFIX=/opt/other
	done
	sed 's,${TRUEPREFIX},/opt/other,' \
	    "$ports/openbsd/pkg/securetcpd.rc" >expected
	atf_check cmp expected dest/etc/rc.d/securetcpd
	sed 's,%%PREFIX%%,/opt/other,' \
	    "$ports/freebsd/files/securetcpd.in" >expected
	atf_check cmp expected dest/opt/other/etc/rc.d/securetcpd
	atf_check -s exit:1 grep -r -e '%%' -e TRUEPREFIX -e /usr/local dest/etc \
	    dest/opt/other/etc
}

# value DIRECTORY NAME: of a variable in the Makefile there.
value()
{
	"$make" -C "$1" -m "$PWD/stub" NAME="$2" value
}

# defines NAME PATTERN: in the Makefile of the port in $port.
defines()
{
	value "$port" "$1" >value
	atf_check -o match:"$2" cat value
}

# stub: bsd.port.mk has what the Makefiles refer to; the system's rules are
# not needed.
stub()
{
	mkdir -p stub
	: >stub/sys.mk
	cat >stub/bsd.port.mk <<-STUB
	PREFIX?=	/usr/local
	PORTSDIR?=	/usr/ports
	FILESDIR?=	$ports/freebsd/files
	CFLAGS=		-O2 -pipe
	INSTALL_STRIP=	-s
	STRIP=		-s
	.MAIN: all
	all:
	value: ; @echo '\${\${NAME}}'
	STUB
}

version=$(sed -n 's/^Version: //p' "$top/lib/libsecuretcp/securetcp.pc.in")

atf_test_case makefile_openbsd
makefile_openbsd_head()
{
	atf_set descr "OpenBSD's port defines what bsd.port.mk wants"
}
makefile_openbsd_body()
{
	stub
	port=$ports/openbsd
	atf_check "$make" -C "$port" -m "$PWD/stub"
	# At most 60 characters, no capital unless a name, no full stop.
	defines COMMENT '^(an? )?[A-Za-z].{1,58}[^.]$'
	defines COMMENT '^(TLS |[a-z])'
	defines DISTNAME "^securetcpd-$version\$"
	defines CATEGORIES '^security( |$)'
	defines HOMEPAGE '^https://'
	defines MAINTAINER '^[^<>]+ <[^ <>]+@[^ <>]+>$'
	defines PERMIT_PACKAGE '^Yes$'
	# What is linked with there, see mk/common.mk.
	defines WANTLIB '^c crypto curses event ssl tls util$'
	defines MAKE_FLAGS 'PREFIX="/usr/local"'
	defines FAKE_FLAGS 'INSTALL_STRIP="-s"'
	atf_check -o not-empty cat "$port/pkg/DESCR"
	atf_check awk 'length > 80 { print }' "$port/pkg/DESCR"
}

atf_test_case makefile_freebsd
makefile_freebsd_head()
{
	atf_set descr "FreeBSD's port defines what bsd.port.mk wants"
}
makefile_freebsd_body()
{
	stub
	port=$ports/freebsd
	atf_check "$make" -C "$port" -m "$PWD/stub"
	defines PORTNAME '^securetcpd$'
	defines DISTVERSION "^$version\$"
	defines CATEGORIES '^security( |$)'
	defines MAINTAINER '^[^ <>]+@[^ <>]+$'
	# At most 70 characters, a capital, no article, no full stop.
	defines COMMENT '^[A-Z].{1,68}[^.]$'
	atf_check -s exit:1 grep -E '^An? ' value
	defines WWW '^https://'
	defines LICENSE '^ISCL$'
	defines LICENSE_FILE '/LICENSE$'
	defines USES '(^| )ssl( |$)'
	defines USE_RC_SUBR '^securetcpd$'
	defines LIB_DEPENDS 'libtls\.so:security/libretls'
	defines LIB_DEPENDS 'libevent\.so:devel/libevent'
	defines MAKE_ARGS 'INSTALL_STRIP="-s"'
	for f in $(value "$port" USE_RC_SUBR) $(value "$port" SUB_FILES); do
		atf_check test -s "$port/files/$f.in"
	done
	atf_check -o not-empty cat "$port/pkg-descr"
	atf_check awk 'length > 80 { print }' "$port/pkg-descr"
	# Placeholders that the framework knows.
	for w in $(sed -n 's/.*%%\([A-Z_]*\)%%.*/\1/p' "$port/pkg-plist" \
	    "$port"/files/*.in | sort -u); do
		case $w in
		PREFIX|EXAMPLESDIR)	;;
		*)			atf_fail "%%$w%% is not known" ;;
		esac
	done
}

atf_test_case accounts
accounts_head()
{
	atf_set descr "The ports, README.md and the daemon name the same \
accounts"
}
accounts_body()
{
	stub
	sed -n 's/^#define CONF_[A-Z_]*USER[[:space:]]*"\(.*\)"$/\1/p' \
	    "$top/sbin/securetcpd/conf.h" | sort >daemon
	atf_check -o inline:"_securetcp\n_securetcpk\n" cat daemon
	plist=$ports/openbsd/pkg/PLIST
	sed -n 's/^@newuser \([^:]*\):.*/\1/p' "$plist" | sort >users
	atf_check -o file:daemon cat users
	# name:uid:gid:class:comment:home:shell, the group by its number.
	while IFS=: read -r user uid gid class gecos home shell; do
		atf_check_equal "$uid" "$gid"
		atf_check -o ignore grep -Fx "@newgroup $user:$gid" "$plist"
		atf_check test "$uid" -ge 500 -a "$uid" -le 999
		atf_check_equal "daemon" "$class"
		atf_check test -n "$gecos"
		atf_check_equal "/var/empty /sbin/nologin" "$home $shell"
	done <<-LIST
	$(sed -n 's/^@newuser //p' "$plist")
	LIST
	port=$ports/freebsd
	for v in USERS GROUPS; do
		value "$port" $v | tr ' ' '\n' | sort >users
		atf_check -o file:daemon cat users
	done
	# As in master.passwd(5) and group(5).
	sed 's/:.*//' "$port/files/UIDs" | sort >users
	atf_check -o file:daemon cat users
	while IFS=: read -r user pass uid gid class change expire gecos home \
	    shell; do
		atf_check_equal "* daemon 0 0" "$pass $class $change $expire"
		atf_check_equal "$uid" "$gid"
		atf_check test "$uid" -ge 50 -a "$uid" -le 999
		atf_check test -n "$gecos"
		atf_check_equal "/var/empty /usr/sbin/nologin" "$home $shell"
		atf_check -o ignore grep -Fx "$user:*:$gid:" \
		    "$port/files/GIDs"
	done <"$port/files/UIDs"
	for u in $(cat daemon); do
		for c in "useradd .* $u\$" "useradd -g $u .* $u\$" \
		    "pw useradd $u -g $u "; do
			atf_check -o ignore grep -E "$c" "$top/README.md"
		done
		atf_check -o ignore grep -F "Ta $u Ta" \
		    "$top/man/securetcpd.8"
	done
}

atf_test_case unit
unit_head()
{
	atf_set descr "The reload of the unit of systemd tells how it went"
}
unit_body()
{
	unit=$top/etc/systemd/securetcpd.service
	atf_check -o match:'^ExecStart=' cat "$unit"
	atf_check -o match:'^ExecReload=/usr/local/sbin/securetcpctl reload$' \
	    cat "$unit"
}

atf_init_test_cases()
{
	atf_add_test_case files_openbsd
	atf_add_test_case files_freebsd
	atf_add_test_case scripts
	atf_add_test_case makefile_openbsd
	atf_add_test_case makefile_freebsd
	atf_add_test_case accounts
	atf_add_test_case unit
}
