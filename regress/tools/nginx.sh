# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Read after daemon/common.sh: nginx in the directory of the test.

# nginx_conf NAME [STATEMENT]...: NAME.conf, with the blocks of standard input.
nginx_conf()
{
	mkdir -p tmp
	_nginx=$1
	shift
	{
		[ "$(id -u)" -ne 0 ] || echo "user root;"
		[ $# -eq 0 ] || printf '%s\n' "$@"
		cat <<-CONF
		daemon off;
		worker_processes 1;
		pid $PWD/$_nginx.pid;
		error_log $PWD/$_nginx.err;
		events { worker_connections 256; }
		CONF
		cat
	} >"$_nginx.conf"
}

# nginx_starts [NAME]: with the statements of standard input for its http,
# and waits until it listens; its pid is in $pid.
nginx_starts()
{
	_nginx=${1:-nginx}
	nginx_conf "$_nginx" <<-CONF
	http {
		access_log off;
		default_type text/plain;
		client_body_temp_path $PWD/tmp/body;
		proxy_temp_path $PWD/tmp/proxy;
		fastcgi_temp_path $PWD/tmp/fastcgi;
		uwsgi_temp_path $PWD/tmp/uwsgi;
		scgi_temp_path $PWD/tmp/scgi;
		$(cat)
	}
	CONF
	rm -f "$_nginx.pid"
	background nginx -p "$PWD" -e "$PWD/$_nginx.err" -c "$PWD/$_nginx.conf"
	wait_until 20 "$_nginx" test -s "$_nginx.pid"
}
