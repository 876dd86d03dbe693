# SPDX-License-Identifier: ISC
#
#	PROG= securetcpd
#	SRCS= main.c parse.y
#	USES= wire securetcp compat
#	BINDIR= ${PREFIX}/sbin
#	BINMODE= 0555		the default
#	INSTALL_STRIP= -s	for install(1): without symbols
#	TLS= yes
#	CRYPTO= yes		libcrypto without libtls
#	EVENT= yes
#	CURSES= yes
#	.include "../../mk/prog.mk"

USES?=
BINDIR?=	${PREFIX}/sbin
BINMODE?=	0555
INSTALL_STRIP?=
PROGDEFINES=	-DLIBEXECDIR=\"${PREFIX}/libexec\"

.include "common.mk"

all: ${PROG}

.include "objs.mk"

${PROG}: ${OBJS} ${ARCHIVES}
	${LINK} -o ${.TARGET} ${OBJS} ${ARCHIVES} ${SYSLIBS}

install: all realinstall
.ORDER: all realinstall

# What is there already, whatever system it was built for.
realinstall:
	${INSTALL} -d ${DESTDIR}${BINDIR}
	${INSTALL} ${INSTALL_STRIP} -m ${BINMODE} ${PROG} ${DESTDIR}${BINDIR}

clean:
	rm -f ${PROG} ${OBJS} ${DEPENDS} ${GENERATED} ${FLAGSFILE}

.PHONY: all install realinstall clean
