#!/bin/sh
#
# SPDX-License-Identifier: ISC
#
# usage: cross.sh [-k] [-l directory] [directory]
#
# Compiles the tree (or another copy of it) for FreeBSD and OpenBSD with zig,
# whose package has those systems' own headers and the names in their C
# libraries, and fails on any diagnostic: every C file of the product, and of
# regress what its Makefiles make on that system.  What they get elsewhere is
# taken from this host, by name: tls.h, event.h, openssl/*, curses.h, and
# atf-c.h for the tests.  FreeBSD's libcasper, which that package leaves out, is declared
# in freebsd/ here as its manuals do.
#
# The host's are libevent 2 and OpenSSL 3, so the objects' undefined names are
# checked as well: each must be defined in the tree, or be in the C libraries,
# or be in libevent-1.4.syms, libressl.syms or curses.syms here, or for FreeBSD
# in openssl.syms or casper.syms.  The same holds for every program of regress,
# of what it is linked from, with regress.syms beside these lists.
#
# -k keeps the work directory and prints its name.
# -l has OpenBSD's tls.h and openssl/* taken from there: LibreSSL's.

ZIG_VERSION=0.16.0		# headers of OpenBSD 7.8 and FreeBSD 15.0
TARGETS="x86_64-freebsd x86_64-openbsd"

here=$(cd "$(dirname "$0")" && pwd) || exit 1
keep= libressl=
while getopts kl: ch; do
	case $ch in
	k)	keep=1 ;;
	l)	libressl=$(cd "$OPTARG" && pwd) || exit 1 ;;
	*)	exit 1 ;;
	esac
done
shift $((OPTIND - 1))
top=$(cd "${1:-$here/../../..}" && pwd) || exit 1

fail() {
	echo "cross: $*" >&2
	exit 1
}

for p in nm python3 pkg-config; do
	command -v $p >/dev/null || fail "$p is not installed"
done
MAKE=$(command -v bmake || command -v make) || fail "bmake is not installed"
YACC=$(command -v byacc || command -v yacc) || fail "byacc is not installed"

# Zig, by its exact version: the host's or one of our own.
zig=$(python3 -c 'import os, ziglang
print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))' 2>/dev/null)
if [ "$("$zig" version 2>/dev/null)" != $ZIG_VERSION ]; then
	zig=$here/.zig/ziglang/zig
	if [ "$("$zig" version 2>/dev/null)" != $ZIG_VERSION ]; then
		echo "cross: installing ziglang $ZIG_VERSION from PyPI"
		rm -rf "$here/.zig"
		PIP_ROOT_USER_ACTION=ignore python3 -m pip install -q \
		    --disable-pip-version-check --no-deps --target "$here/.zig" ziglang==$ZIG_VERSION ||
		    fail "cannot install ziglang $ZIG_VERSION from PyPI"
	fi
fi
[ "$("$zig" version)" = $ZIG_VERSION ] || fail "$zig is not $ZIG_VERSION"

work=$(mktemp -d "${TMPDIR:-/tmp}/cross.XXXXXXXXXX") || exit 1
if [ -n "$keep" ]; then
	echo "cross: working in $work"
else
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
fi
ZIG_GLOBAL_CACHE_DIR=$here/.work
ZIG_LOCAL_CACHE_DIR=$here/.work
export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR
size=$(du -sk "$here/.work" 2>/dev/null | cut -f 1)
[ "${size:-0}" -lt 1000000 ] || rm -rf "$here/.work"	# it only grows
cd "$top" || exit 1

# The host's headers, each by its name, found where its compiler finds them.
mkdir -p "$work/include" || exit 1
dirs=$(${CC:-cc} -E -v -x c /dev/null 2>&1 |
    sed -n '/^#include </,/^End of/s/^ //p')
for name in tls.h event.h evdns.h evhttp.h evrpc.h evutil.h event2 openssl \
    curses.h ncurses_dll.h unctrl.h atf-c.h atf-c; do
	found=
	for d in $dirs; do
		[ -e "$d/$name" ] || continue
		found=1
		if [ -d "$d/$name" ]; then
			mkdir -p "$work/include/$name"
			for h in "$d/$name"/*.h; do
				ln -sf "$h" "$work/include/$name/" || exit 1
			done
		else
			ln -sf "$d/$name" "$work/include/" || exit 1
			break
		fi
	done
	[ -n "$found" ] || fail "this host has no $name to compile with"
done

if [ -n "$libressl" ]; then
	mkdir "$work/libressl" || exit 1
	ln -s "$libressl/tls.h" "$libressl/openssl" "$work/libressl" || exit 1
fi

# programs system: what regress makes there, "directory program source ..."
programs() {
	for m in regress/*/Makefile regress/*/*/Makefile; do
		[ -e "$m" ] || continue
		dir=${m%/Makefile}
		# Linux playing the other systems.
		[ "$dir" != regress/net/confine ] || continue
		(cd "$dir" && $MAKE OS="$1" FLAGSFILE=/dev/null programs) |
		    awk -v dir="$dir" '
			# Without the x/.. of paths that lead elsewhere.
			function plain(path) {
				while (match(path, "[^/.]+/[.][.]/"))
					path = substr(path, 1, RSTART - 1) \
					    substr(path, RSTART + RLENGTH)
				return path
			}
			{
				line = dir " " $1
				for (i = 2; i <= NF; i++)
					line = line " " plain(dir "/" $i)
				print line
			}'
	done
}

# sources list: each of them that is of regress
sources() {
	awk '{ for (i = 3; i <= NF; i++) if ($i ~ /^regress\/.*[.]c$/)
		print $i }' "$@" | sort -u
}

for os in Linux FreeBSD OpenBSD; do
	programs $os >"$work/programs.$os" || fail "regress on $os"
done

# What no system makes would never be compiled.  limits.c is a test's affair.
find regress -name '*.c' ! -path 'regress/tree/cross/*' ! -name parse.c \
    ! -path 'regress/net/confine/*' ! -path regress/slow/wear/limits.c |
    sort >"$work/present"
sources "$work/programs.Linux" "$work/programs.FreeBSD" \
    "$work/programs.OpenBSD" | comm -23 "$work/present" - >"$work/unmade"
[ ! -s "$work/unmade" ] || fail "in no Makefile: $(tr '\n' ' ' <"$work/unmade")"

# Every C file, with yacc's output in place of the grammar.
for os in FreeBSD OpenBSD; do
	{
		find lib sbin libexec -name '*.[cy]'
		sources "$work/programs.$os"
	} | sort >"$work/found" || exit 1
	while read -r f; do
		case $f in
		*.y)
			gen=$work/gen/${f%/*}
			mkdir -p "$gen"
			gen=$gen/$(basename "$f" .y).c
			[ -e "$gen" ] || $YACC -o "$gen" "$f" ||
			    fail "$f: yacc"
			echo "$f $gen" ;;
		*)
			[ -e "${f%.c}.y" ] || echo "$f $f" ;;
		esac
	done <"$work/found" >"$work/files.$os"
	[ -s "$work/files.$os" ] || fail "no C files under $top"
done

warnings=$(sed -n 's/^WARNINGS+*=//p' mk/common.mk | grep -v Werror)
flags="-std=c99 -O2 -g $(echo $warnings) -Werror -fPIE"
flags="$flags -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"

# One file: source, the file to compile, target.
cat >"$work/compile" <<END
#!/bin/sh
case \$3 in
*-openbsd)
	zig=\$3
	more=\${libressl:+"-isystem $work/libressl"} ;;
*)
	# Without its version it would be 14.
	zig=\$3.15.0
	more="-Ilib/libcompat/imsg -isystem $here/freebsd" ;;
esac
dir=\${1%/*}
case \$1 in
regress/*) more="\$more -Isbin/securetcpd -Ilibexec/securetcp-session \
-Ilibexec/securetcp-signer -Iregress/net/rogue -Iregress/tools" ;;
esac
mkdir -p "$work/\$3/\$dir"
if ! "$zig" cc -target \$zig $flags \\
    -DLIBEXECDIR='"/usr/local/libexec"' -I\$dir \$more -Ilib/libcompat \
    -Ilib/libwire -Ilib/libmatch -Ilib/libsandbox -Ilib/libhelper \
    -Ilib/libsecuretcp -isystem "$work/include" -c \
    -o "$work/\$3/\${1%.[cy]}.o" "\$2" \
    >"$work/\$3/\${1%.[cy]}.out" 2>&1; then
	echo "\$3: \$1: does not compile" >>"$work/\$3/failed"
elif [ -s "$work/\$3/\${1%.[cy]}.out" ]; then
	echo "\$3: \$1: compiles with diagnostics" >>"$work/\$3/failed"
else
	exit 0
fi
cat "$work/\$3/\${1%.[cy]}.out" >&2
END

# Names in a list: "name", or "name=alias" where OpenSSL 3's header makes the
# alias of a name that LibreSSL has; the alias may not stand in our source.
sed -e 's/#.*//' -e 's/[ 	]//g' -e '/^$/d' "$here/libevent-1.4.syms" \
    "$here/libressl.syms" "$here/curses.syms" >"$work/lists" || exit 1
sed -n 's/.*=//p' "$work/lists" >"$work/aliases"
sed 's/.*=//' "$work/lists" | sort -u >"$work/listed"

status=0
grep -rnwF -f "$work/aliases" --include='*.[chy]' lib sbin libexec \
    >"$work/used"
if [ -s "$work/used" ]; then
	echo "cross: names that LibreSSL does not have:" >&2
	cat "$work/used" >&2
	status=1
fi

# defined object ...: the names in them
defined() {
	nm -g "$@" | awk 'NF == 3 && $2 != "U" { print $3 }' | sort -u
}

# wanted object ...: the names that others have to define
wanted() {
	nm -u "$@" | awk '$1 == "U" || $1 == "w" { print $2 }' | sort -u
}

# missing names: those that the C libraries do not have either
missing() {
	awk '{ printf "extern char s%d __asm__(\"%s\");\n", NR, $1
		list = list sprintf("\t&s%d,\n", NR) }
	    END { print "char *names[] = {\n" list "};"
		print "int main(void) { return (names[0] != 0); }" }' \
	    "$1" >"$work/names.c"
	"$zig" cc -target "$ztarget" -O1 -o "$work/names" "$work/names.c" \
	    -lutil -lpthread >"$work/names.out" 2>&1 && return
	sed -n 's/.*undefined symbol: //p' "$work/names.out" | sort -u
	grep -q 'undefined symbol' "$work/names.out" ||
	    cat "$work/names.out" >&2
}

# The product's objects: each name in the tree, a list or the C libraries.
check_product() {
	find "$work/$target/lib" "$work/$target/sbin" \
	    "$work/$target/libexec" -name '*.o' >"$work/objects"
	# shellcheck disable=SC2046
	set -- $(cat "$work/objects")
	defined "$@" >"$work/defined"
	wanted "$@" | comm -23 - "$work/defined" >"$work/outside"
	comm -23 "$work/outside" "$work/here" >"$work/libc"
	missing "$work/libc" >"$work/missing"
	if [ ! -s "$work/missing" ]; then
		echo "checked $(($(wc -l <"$work/outside"))) names for" \
		    "$target: $(($(wc -l <"$work/libc"))) in its C" \
		    "libraries, the rest in libevent and LibreSSL"
		return
	fi
	nm -Au "$@" >"$work/users"
	awk -v target="$target" -v dir="$work/$target/" '
		NR == FNR { missing[$1] = ""; next }
		$NF in missing {
			sub(/:.*/, "", $1)
			missing[$NF] = missing[$NF] " " \
			    substr($1, length(dir) + 1)
		}
		END {
			for (name in missing)
				print target ": " name ": in no list" \
				    " and not in its C libraries," \
				    " wanted by" missing[name]
		}' "$work/missing" "$work/users" | sort >&2
	return 1
}

# Each program of regress: what it is linked from, and our archives.
check_regress() {
	find "$work/$target/lib" -name '*.o' >"$work/objects"
	# shellcheck disable=SC2046
	defined $(cat "$work/objects") >"$work/archives"
	: >"$work/outside"
	while read -r dir program files; do
		objects=
		for f in $files; do
			objects="$objects $work/$target/${f%.[cyo]}.o"
		done
		# shellcheck disable=SC2086
		defined $objects | sort -u - "$work/archives" "$work/here" \
		    "$work/extra" >"$work/defined"
		# shellcheck disable=SC2086
		wanted $objects | grep -v -e '^atf_' -e '^__real_' |
		    comm -23 - "$work/defined" |
		    sed "s,\$, $dir/$program," >>"$work/outside"
	done <"$work/programs.$os"
	n=$(($(wc -l <"$work/programs.$os")))
	[ $n -gt 0 ] || return 0
	sed 's/ .*//' "$work/outside" | sort -u >"$work/libc"
	missing "$work/libc" >"$work/missing"
	if [ ! -s "$work/missing" ]; then
		echo "checked the names of $n programs of regress for $target"
		return
	fi
	awk -v target="$target" '
		NR == FNR { missing[$1]; next }
		$1 in missing { print target ": " $1 ": in no list and not" \
		    " in its C libraries, wanted by " $2 }' \
	    "$work/missing" "$work/outside" | sort >&2
	return 1
}

sed '/^#/d' "$here/regress.syms" | sed 's/.*=//' | sort -u >"$work/extra"
for target in $TARGETS; do
	case $target in
	*-freebsd)
		os=FreeBSD
		ztarget=$target.15.0
		more="$here/openssl.syms $here/casper.syms" ;;
	*)
		os=OpenBSD
		ztarget=$target
		more=/dev/null ;;
	esac
	# shellcheck disable=SC2086
	sed '/^#/d' $more | sort -u - "$work/listed" >"$work/here"
	mkdir -p "$work/$target/lib" "$work/$target/sbin" \
	    "$work/$target/libexec"
	sed "s/\$/ $target/" "$work/files.$os" |
	    xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 3 sh "$work/compile"
	n=$(wc -l <"$work/files.$os")
	if [ -e "$work/$target/failed" ]; then
		sort "$work/$target/failed" >&2
		echo "cross: $(wc -l <"$work/$target/failed") of $n files" \
		    "failed for $target" >&2
		status=1
		continue
	fi
	echo "compiled $((n)) files for $target"
	check_product || status=1
	check_regress || status=1
done
exit $status
