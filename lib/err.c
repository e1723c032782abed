/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The one table of errors. Codes: IMAP RFC 3501 7.1, RFC 5530; SMTP RFC 5321
 * 4.2.3 and RFC 3463; HTTP RFC 9110 15, RFC 4918 11; exit: sysexits.h.
 */
#include <errno.h>
#include <sysexits.h>

#include <bastide/err.h>

static const struct err_info table[ERR_COUNT] = {
	[ERR_OK] = { "ok", "Done", "", 250, "2.0.0", 200, EX_OK },
	[ERR_NOMEM] = { "nomem", "Not enough memory; try again later", "LIMIT",
		452, "4.3.1", 503, EX_TEMPFAIL },
	[ERR_IO] = { "io", "Storage failed; the operator has been told",
		"SERVERBUG", 451, "4.3.0", 500, EX_IOERR },
	[ERR_NOSPACE] = { "nospace",
		"The server's storage is full; delete something or try later",
		"UNAVAILABLE", 452, "4.3.1", 507, EX_TEMPFAIL },
	[ERR_CORRUPT] = { "corrupt",
		"Stored data does not verify and is not shown; tell the "
		"administrator to run 'bastide check'",
		"CORRUPTION", 451, "4.3.0", 500, EX_DATAERR },
	[ERR_VERSION] = { "version",
		"The store was written by a newer Bastide; upgrade this one",
		"UNAVAILABLE", 451, "4.3.0", 503, EX_CONFIG },
	[ERR_NOKEY] = { "nokey", "The key is locked or was destroyed",
		"UNAVAILABLE", 451, "4.3.0", 503, EX_UNAVAILABLE },
	[ERR_NOTFOUND] = { "notfound", "It does not exist", "NONEXISTENT", 550,
		"5.1.1", 404, EX_NOUSER },
	[ERR_EXISTS] = { "exists", "It exists already", "ALREADYEXISTS", 550,
		"5.3.0", 405, EX_CANTCREAT },
	[ERR_NOPERM] = { "noperm", "Not permitted", "NOPERM", 550, "5.7.1", 403,
		EX_NOPERM },
	[ERR_AUTH] = { "auth", "User name or password is wrong",
		"AUTHENTICATIONFAILED", 535, "5.7.8", 401, EX_NOPERM },
	[ERR_OVERQUOTA] = { "overquota",
		"The mailbox is full; delete something", "OVERQUOTA", 452,
		"4.2.2", 507, EX_TEMPFAIL },
	[ERR_LIMIT] = { "limit", "Over a limit of this server", "LIMIT", 552,
		"5.3.4", 413, EX_DATAERR },
	[ERR_SYNTAX] = { "syntax", "Syntax error", "CLIENTBUG", 501, "5.5.4",
		400, EX_USAGE },
	[ERR_UNSUPPORTED] = { "unsupported", "Not provided by this server",
		"CANNOT", 504, "5.5.1", 501, EX_UNAVAILABLE },
	[ERR_WRONGSTATE] = { "state", "Not possible in this state", "CLIENTBUG",
		503, "5.5.1", 409, EX_USAGE },
	[ERR_CONFLICT] = { "conflict", "It was changed in the meantime",
		"MODIFIED", 451, "4.5.0", 412, EX_TEMPFAIL },
	[ERR_AGAIN] = { "again", "Not ready yet; try again", "INUSE", 451,
		"4.5.0", 503, EX_TEMPFAIL },
	[ERR_EOF] = { "eof", "The connection ended", "UNAVAILABLE", 421,
		"4.4.2", 400, EX_PROTOCOL },
	[ERR_UNAVAILABLE] = { "unavailable",
		"The service does not answer; try again later", "UNAVAILABLE",
		451, "4.3.0", 503, EX_UNAVAILABLE },
	[ERR_TIMEOUT] = { "timeout", "It took too long", "UNAVAILABLE", 421,
		"4.4.2", 408, EX_TEMPFAIL },
	[ERR_BUSY] = { "busy", "Too many at once; try again later", "LIMIT",
		421, "4.3.2", 429, EX_TEMPFAIL },
	[ERR_NOTEMPTY] = { "notempty", "It is not empty; delete what is in it",
		"HASCHILDREN", 550, "5.3.0", 409, EX_CANTCREAT },
	[ERR_EXPIRED] = { "expired", "No longer valid; start afresh", "EXPIRED",
		535, "5.7.8", 403, EX_NOPERM },
	[ERR_RELAY] = { "relay",
		"Relaying denied: sign in, or use the recipient's own server",
		"NOPERM", 550, "5.7.1", 403, EX_NOPERM },
	[ERR_LOOP] = { "loop", "It has gone through too many servers: a loop",
		"CANNOT", 554, "5.4.6", 508, EX_DATAERR },
	[ERR_ENCODING] = { "encoding", "Text is not in a known encoding",
		"UNKNOWN-CTE", 550, "5.6.0", 422, EX_DATAERR },
	[ERR_TYPE] = { "type", "Wrong kind of object", "CANNOT", 550, "5.3.0",
		409, EX_DATAERR },
	[ERR_BUG] = { "bug", "Internal error; please report it", "SERVERBUG",
		451, "4.3.0", 500, EX_SOFTWARE },
};

const struct err_info *err_info(enum err e)
{
	if ((unsigned)e >= ERR_COUNT || !table[e].name)
		e = ERR_BUG;
	return &table[e];
}

enum err err_from_errno(int errnum)
{
	static const struct {
		int errnum;
		enum err e;
	} map[] = {
		{ 0, ERR_OK },
		{ ENOMEM, ERR_NOMEM },
		{ ENOSPC, ERR_NOSPACE },
		{ EDQUOT, ERR_NOSPACE },
		{ EFBIG, ERR_NOSPACE },
		{ ENOENT, ERR_NOTFOUND },
		{ EEXIST, ERR_EXISTS },
		{ EACCES, ERR_NOPERM },
		{ EPERM, ERR_NOPERM },
		{ EAGAIN, ERR_AGAIN },
		{ EPIPE, ERR_EOF },
		{ ECONNRESET, ERR_EOF },
		{ ETIMEDOUT, ERR_TIMEOUT },
		{ ECONNREFUSED, ERR_UNAVAILABLE },
		{ EMFILE, ERR_BUSY },
		{ ENFILE, ERR_BUSY },
	};

	for (unsigned i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].errnum == errnum)
			return map[i].e;
	return ERR_IO;
}
