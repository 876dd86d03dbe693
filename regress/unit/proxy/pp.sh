# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Read after daemon/common.sh: software that speaks the PROXY protocol, in
# the directory of the test.

. "$(atf_get_srcdir)/../../tools/nginx.sh"
pp=$top/regress/unit/proxy/pp

# on_port ADDRESS COMMAND: runs it with a listening socket as descriptor 3 on
# a port of the kernel's choice; sets front.
on_port()
{
	rm -f front
	background "$pp" listen "$1" sh -c \
	    "echo \$PORT >front.tmp && mv front.tmp front && exec $2"
	wait_until 20 "a port" test -f front
	front=$(cat front)
}

# haproxy_conf: standard input, with what every one needs.
haproxy_conf()
{
	cat >haproxy.cfg <<-CONF
	defaults
		mode tcp
		timeout connect 20s
		timeout client 20s
		timeout server 20s
	$(cat)
	CONF
}

# haproxy_on ADDRESS: haproxy's descriptor 3 listens there.
haproxy_on() { on_port "$1" "haproxy -db -f haproxy.cfg"; }

# haproxy_told: haproxy.sock tells whom a PROXY header names.
haproxy_told()
{
	_told="%[src] %[src_port] %[dst] %[dst_port] [%[fc_pp_authority]]\n"
	haproxy_conf <<-CONF
	frontend front
		mode http
		bind unix@$PWD/haproxy.sock accept-proxy
		http-request return status 200 content-type text/plain lf-string "$_told"
	CONF
	background haproxy -db -f haproxy.cfg
	wait_until 20 haproxy test -S haproxy.sock
}

# nginx_told: nginx.sock tells whom a PROXY header names, as access.log does.
nginx_told()
{
	_from="\$proxy_protocol_addr \$proxy_protocol_port"
	_at="\$proxy_protocol_server_addr \$proxy_protocol_server_port"
	nginx_starts <<-CONF
	log_format told '\$proxy_protocol_addr \$request_uri';
	server {
		listen unix:$PWD/nginx.sock proxy_protocol;
		access_log $PWD/access.log told;
		return 200 "$_from $_at\n";
	}
	CONF
}

# The file of a module of nginx that may be a package of its own.
stream_module()
{
	for d in /usr/lib/nginx/modules /usr/local/libexec/nginx \
	    /var/www/modules; do
		[ -f $d/ngx_stream_module.so ] || continue
		echo "load_module $d/ngx_stream_module.so;"
		return 0
	done
	return 1
}

# nginx_on ADDRESS TARGET: nginx listens there and tells TARGET of its
# clients.
nginx_on()
{
	_module=$(stream_module) || atf_skip "nginx has no stream module here"
	nginx_conf nginx "$_module" <<-CONF
	stream {
		server {
			include $PWD/listen.conf;
			proxy_pass $2;
			proxy_protocol on;
		}
	}
	CONF
	# It takes over a socket of the address it is told to listen on.
	cat >nginx.sh <<-SH
	echo "listen $1:\$PORT;" >listen.conf
	NGINX='3;' exec nginx -p "$PWD" -e "$PWD/nginx.err" -c "$PWD/nginx.conf"
	SH
	on_port "$1" "sh nginx.sh"
}
