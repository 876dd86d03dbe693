#!/bin/sh
#
# SPDX-License-Identifier: ISC
#
# usage: runatf.sh program[:case] ...
#
# Runs every case of ATF programs one by one, for systems without Kyua: each
# in a directory of its own, with its cleanup, under a time limit where there
# is timeout(1).  Root runs the cases for ordinary users as nobody, where the
# tree is open to him.  The last lines say what was skipped and why, and how
# each program fared; exit 1 when a case failed.
#
#	RUNATF_SLOW=N		N times the time that a case is given
#	RUNATF_SKIPPED=FILE	what was skipped and why is added to FILE

passed=0 failed=0 skipped=0
base=$(mktemp -d "${TMPDIR:-/tmp}/runatf.XXXXXXXXXX") || exit 1
trap 'cd / && rm -rf "$base"' EXIT
trap 'exit 1' HUP INT TERM
# Some cases look from the directory as somebody else.
chmod 755 "$base"
srcdir=$(pwd)
as=$(cd "$(dirname "$0")/.." && pwd)/regress/tools/as
: >"$base/skipped"
: >"$base/programs"

ordinary=
if [ "$(id -u)" = 0 ] && [ -x "$as" ] &&
    "$as" -u nobody test -x "$srcdir" 2>/dev/null; then
	ordinary="$as -u nobody"
fi

# meta case key: the value of one property of one case
meta() {
	awk -v want="$1" -v key="$2: " '
		index($0, "ident: ") == 1 { now = substr($0, 8) }
		now == want && index($0, key) == 1 {
			print substr($0, length(key) + 1)
		}' "$base/list"
}

# missing case: why it cannot run here, if it cannot
missing() {
	for p in $(meta "$1" require.progs); do
		command -v "$p" >/dev/null || echo "$p is not installed"
	done
	for f in $(meta "$1" require.files); do
		test -e "$f" || echo "$f is not there"
	done
	case $(meta "$1" require.user) in
	root)
		test "$(id -u)" = 0 || echo "needs root" ;;
	unprivileged)
		test "$(id -u)" != 0 || test -n "$ordinary" ||
		    echo "must not be root, and nobody cannot read this tree" ;;
	esac
}

# limit SECONDS COMMAND...: FreeBSD's timeout(1) would wait for every process
# that is left, of which the cleanup comes later.
limit() {
	if command -v timeout >/dev/null; then
		timeout --foreground -k 10 "$@"
	else
		shift
		"$@"
	fi
}

# run program case
run() {
	why=$(missing "$2" | paste -s -d , - | sed 's/,/, /g')
	if [ -n "$why" ]; then
		skip "$1" "$2" "$why"
		return
	fi
	user=
	rm -rf "$base/work" "$base/result"
	mkdir "$base/work"
	if [ -n "$ordinary" ] &&
	    [ "$(meta "$2" require.user)" = unprivileged ]; then
		user=$ordinary
		: >"$base/result"
		chown nobody "$base/work" "$base/result"
	fi
	seconds=$(meta "$2" timeout)
	seconds=$((${seconds:-300} * ${RUNATF_SLOW:-1}))
	begin=$(date +%s)
	# shellcheck disable=SC2086
	(cd "$base/work" && limit "$seconds" $user "$srcdir/$1" \
	    -r "$base/result" -s "$srcdir" "$2") >"$base/out" 2>&1 </dev/null
	status=$?
	took=$(($(date +%s) - begin))
	if [ "$(meta "$2" has.cleanup)" = true ]; then
		# shellcheck disable=SC2086
		(cd "$base/work" && limit 120 $user "$srcdir/$1" \
		    -s "$srcdir" "$2:cleanup") >>"$base/out" 2>&1 </dev/null
	fi
	result=$(sed 1q "$base/result" 2>/dev/null)
	case $status:$result in
	0:passed*|*:expected_*)
		passed=$((passed + 1)) ;;
	0:skipped*)
		skip "$1" "$2" "${result#skipped: }"
		return ;;
	124:*|137:*)
		failed=$((failed + 1))
		result="failed: not done within $seconds seconds"
		cat "$base/out" ;;
	*)
		failed=$((failed + 1))
		result="${result:-no result}, exit $status"
		cat "$base/out" ;;
	esac
	echo "$1:$2  ->  $result  [${took}s]"
}

# skip program case why
skip() {
	skipped=$((skipped + 1))
	echo "$1:$2  ->  skipped: $3"
	echo "$1:$2: $3" >>"$base/skipped"
}

for arg; do
	prog=${arg%%:*}
	were="$passed $failed $skipped"
	if ! "./$prog" -l >"$base/list"; then
		failed=$((failed + 1))
		echo "$prog  ->  cannot list its cases"
		echo "$prog: cannot list its cases" >>"$base/programs"
		continue
	fi
	case $arg in
	*:*)	cases=${arg#*:} ;;
	*)	cases=$(sed -n 's/^ident: //p' "$base/list") ;;
	esac
	for name in $cases; do
		run "$prog" "$name"
	done
	# shellcheck disable=SC2086
	set -- $were
	echo "$arg: $((passed - $1)) passed, $((failed - $2)) failed," \
	    "$((skipped - $3)) skipped" >>"$base/programs"
done

if [ -s "$base/skipped" ]; then
	echo "Skipped, and why:"
	sed 's/^/    /' "$base/skipped"
	if [ -n "${RUNATF_SKIPPED-}" ]; then
		cat "$base/skipped" >>"$RUNATF_SKIPPED"
	fi
fi
cat "$base/programs"
echo "$passed passed, $failed failed, $skipped skipped"
test "$failed" -eq 0
