securetcpd:\
	:openfiles=4096:\
	:tc=daemon:
