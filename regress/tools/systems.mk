# SPDX-License-Identifier: ISC
#
#	PROC		the file here that looks at processes on this system
#	MEM		the files here that look at their memory
#
# Include it before test.mk.

OS!=		uname -s
.if ${.CURDIR:H:T} == "regress"
T=		../tools
.else
T=		../../tools
.endif

PROC_Linux=	${T}/proc_linux.c
PROC_FreeBSD=	${T}/proc_freebsd.c
PROC_OpenBSD=	${T}/proc_openbsd.c
PROC=		${PROC_${OS}}

MEM_Linux=	${T}/mem_linux.c
MEM_FreeBSD=	${T}/mem_ptrace.c ${T}/mem_freebsd.c
MEM_OpenBSD=	${T}/mem_ptrace.c ${T}/mem_openbsd.c
MEM=		${T}/mem.c ${MEM_${OS}}
