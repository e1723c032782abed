/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records between the SMTP front and its session in the tenantd. The front
 * speaks SMTP and checks its grammar; the session decides and stores. Each
 * record but DATA and RESET is answered by one REPLY.
 */
#ifndef SMTPD_PROTO_H
#define SMTPD_PROTO_H

enum smtp_record {
	SMTP_MAIL = 300, /* slice from (empty: null reverse-path), u32 flags,
			  * u64 size (0: not said), slice helo, slice peer,
			  * slice tls ("" without) */
	SMTP_RCPT,	 /* slice to */
	SMTP_OPEN,	 /* the client said DATA */
	SMTP_DATA,	 /* slice: bytes of the message, unstuffed */
	SMTP_END,	 /* the message is whole */
	SMTP_RESET,	 /* forget the transaction; no reply */
	SMTP_REPLY,	 /* err, slice text (empty: the table's) */
};

enum smtp_flag {
	SMTP_8BIT = 1,	/* BODY=8BITMIME */
	SMTP_UTF8 = 2,	/* SMTPUTF8 */
	SMTP_ESMTP = 4, /* EHLO, not HELO */
};

#endif
