/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records between the SMTP front and its session in the tenantd. The front
 * speaks SMTP and checks its grammar; the session decides and stores. Each
 * record but DATA and RESET is answered by one REPLY.
 *
 * And between a tenantd that has mail to send and relayd, which sends it:
 *
 *	tenantd --JOB--> relayd --GO--> tenantd --DATA..., END--> relayd
 *	relayd --RESULT for each recipient, DONE--> tenantd
 *
 * Results without GO mean that no server wanted to see the message. A stream
 * that breaks before DONE leaves open what became of those without a RESULT.
 */
#ifndef SMTPD_PROTO_H
#define SMTPD_PROTO_H

enum smtp_record {
	SMTP_MAIL = 300, /* slice from (empty: null reverse-path), u32 flags,
			  * u64 size (0: not said), slice helo, slice peer,
			  * slice tls ("" without) */
	SMTP_RCPT,       /* slice to */
	SMTP_OPEN,       /* the client said DATA */
	SMTP_DATA,       /* slice: bytes of the message, unstuffed */
	SMTP_END,        /* the message is whole */
	SMTP_RESET,      /* forget the transaction; no reply */
	SMTP_REPLY,      /* err, slice text (empty: the table's) */

	/* --- a tenantd to relayd, on a stream of one delivery ----------- */
	RELAY_JOB = 320, /* slice from, u32 flags, u64 size, u32 n, n times
			  * slice recipient (all of the stream's domain) */
	RELAY_DATA,      /* slice: bytes of the message; after GO */
	RELAY_END,       /* it is whole */
	/* --- and back --------------------------------------------------- */
	RELAY_GO,     /* a server takes it: send the message */
	RELAY_RESULT, /* u32 recipient (from 0), u32 code (0: no server
		       * answered), slice enhanced, slice text, slice host */
	RELAY_DONE,   /* each recipient has its result; closes */
};

enum smtp_flag {
	SMTP_8BIT = 1,  /* BODY=8BITMIME */
	SMTP_UTF8 = 2,  /* SMTPUTF8 */
	SMTP_ESMTP = 4, /* EHLO, not HELO */
};

#endif
