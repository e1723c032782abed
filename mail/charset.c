/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Charsets to UTF-8 by the C library's iconv. Its modules are files, which a
 * walled process cannot open: so the converters are opened once, before the
 * walls close, and kept (one thread, so one of each is enough).
 */
#include <errno.h>
#include <iconv.h>

#include <bastide/mail.h>

static struct {
	const char *name; /* as mail calls it */
	const char *as;   /* what is really meant (WHATWG Encoding labels) */
	iconv_t cd;
	bool open;
} charsets[] = {
	{ .name = "us-ascii", .as = "WINDOWS-1252" },
	{ .name = "iso-8859-1", .as = "WINDOWS-1252" },
	{ .name = "latin1", .as = "WINDOWS-1252" },
	{ .name = "windows-1252", .as = "WINDOWS-1252" },
	{ .name = "iso-8859-2", .as = "ISO-8859-2" },
	{ .name = "iso-8859-3", .as = "ISO-8859-3" },
	{ .name = "iso-8859-4", .as = "ISO-8859-4" },
	{ .name = "iso-8859-5", .as = "ISO-8859-5" },
	{ .name = "iso-8859-6", .as = "ISO-8859-6" },
	{ .name = "iso-8859-7", .as = "ISO-8859-7" },
	{ .name = "iso-8859-8", .as = "ISO-8859-8" },
	{ .name = "iso-8859-8-i", .as = "ISO-8859-8" },
	{ .name = "iso-8859-9", .as = "WINDOWS-1254" },
	{ .name = "iso-8859-10", .as = "ISO-8859-10" },
	{ .name = "iso-8859-13", .as = "ISO-8859-13" },
	{ .name = "iso-8859-14", .as = "ISO-8859-14" },
	{ .name = "iso-8859-15", .as = "ISO-8859-15" },
	{ .name = "iso-8859-16", .as = "ISO-8859-16" },
	{ .name = "windows-1250", .as = "WINDOWS-1250" },
	{ .name = "windows-1251", .as = "WINDOWS-1251" },
	{ .name = "windows-1253", .as = "WINDOWS-1253" },
	{ .name = "windows-1254", .as = "WINDOWS-1254" },
	{ .name = "windows-1255", .as = "WINDOWS-1255" },
	{ .name = "windows-1256", .as = "WINDOWS-1256" },
	{ .name = "windows-1257", .as = "WINDOWS-1257" },
	{ .name = "windows-1258", .as = "WINDOWS-1258" },
	{ .name = "windows-874", .as = "WINDOWS-874" },
	{ .name = "tis-620", .as = "WINDOWS-874" },
	{ .name = "koi8-r", .as = "KOI8-R" },
	{ .name = "koi8-u", .as = "KOI8-U" },
	{ .name = "macintosh", .as = "MACINTOSH" },
	{ .name = "gb2312", .as = "GB18030" },
	{ .name = "gbk", .as = "GB18030" },
	{ .name = "gb18030", .as = "GB18030" },
	{ .name = "big5", .as = "BIG5" },
	{ .name = "shift_jis", .as = "CP932" },
	{ .name = "euc-jp", .as = "EUC-JP" },
	{ .name = "iso-2022-jp", .as = "ISO-2022-JP" },
	{ .name = "euc-kr", .as = "UHC" },
	{ .name = "ks_c_5601-1987", .as = "UHC" },
	{ .name = "utf-16", .as = "UTF-16" },
	{ .name = "utf-16le", .as = "UTF-16LE" },
	{ .name = "utf-16be", .as = "UTF-16BE" },
	{ .name = "utf-7", .as = "UTF-7" },
};
#define N_CHARSETS (sizeof(charsets) / sizeof(charsets[0]))

/* Opens on first use, so that programs without walls need no warm-up. */
static bool open_charset(size_t i)
{
	if (!charsets[i].open) {
		iconv_t cd = iconv_open("UTF-8", charsets[i].as);
		charsets[i].open = cd != (iconv_t)-1;
		charsets[i].cd = cd;
	}
	return charsets[i].open;
}

void mail_text_warm_up(void)
{
	for (size_t i = 0; i < N_CHARSETS; i++)
		(void)open_charset(i);
}

static size_t find_charset(struct slice name)
{
	for (size_t i = 0; i < N_CHARSETS; i++)
		if (slice_ieqs(name, charsets[i].name))
			return i;
	return N_CHARSETS;
}

static bool is_utf8(struct slice name)
{
	return slice_ieqs(name, "utf-8") || slice_ieqs(name, "utf8");
}

bool mail_charset_known(struct slice name)
{
	return is_utf8(name) || find_charset(name) < N_CHARSETS;
}

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* Valid stretches go through; each bad byte becomes U+FFFD. */
static enum err repair_utf8(struct slice in, struct buf *out)
{
	if (utf8_valid(in))
		return buf_add_slice(out, in);
	while (in.n) {
		size_t n = 1;
		while (n <= 4 && n <= in.n && !utf8_valid(slice_head(in, n)))
			n++;
		if (n <= 4 && n <= in.n) {
			buf_add(out, in.p, n);
		} else {
			buf_adds(out, replacement);
			n = 1;
		}
		in = slice_from(in, n);
	}
	return buf_err(out);
}

static enum err convert(iconv_t cd, struct slice in, struct buf *out)
{
	char *p = (char *)(uintptr_t)in.p, chunk[1024];
	size_t left = in.n;

	iconv(cd, NULL, NULL, NULL, NULL);
	while (left) {
		char *to = chunk;
		size_t room = sizeof(chunk);
		size_t done = iconv(cd, &p, &left, &to, &room);
		int why = errno;
		TRY(buf_add(out, chunk, sizeof(chunk) - room));
		if (done != (size_t)-1 || why == E2BIG)
			continue;
		TRY(buf_adds(out, replacement));
		p++;
		left--;
	}
	return buf_err(out);
}

enum err mail_to_utf8(struct slice in, struct slice charset, struct buf *out)
{
	/* Unlabelled or mislabelled UTF-8 is more common than real Latin-1
	 * text that happens to be valid UTF-8. */
	bool ascii = charset.n == 0 || slice_ieqs(charset, "us-ascii");

	if (is_utf8(charset) || (ascii && utf8_valid(in)))
		return repair_utf8(in, out);
	size_t i = find_charset(charset);
	if (i == N_CHARSETS)
		i = 0; /* as WINDOWS-1252, which contains ISO-8859-1 */
	if (!open_charset(i))
		return repair_utf8(in, out);
	return convert(charsets[i].cd, in, out);
}
