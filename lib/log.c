/* SPDX-License-Identifier: EUPL-1.2 */
/* The log: one line an event, written with one write so that lines of several
 * processes do not mix. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <bastide/log.h>

#define LINE_MAX_ 1024

static struct {
	char process[16];
	enum log_level least;
} state = { "bastide", LOG_INFO_ };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

enum log_level log_level_of(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (strcmp(level_names[i], name) == 0)
			return (enum log_level)i;
	return LOG_INFO_;
}

void log_init(const char *process, enum log_level least)
{
	snprintf(state.process, sizeof(state.process), "%s", process);
	state.least = least;
}

/* Control characters would let a peer write lines of its own. */
static size_t append_escaped(char *line, size_t n, const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (; *text && n + 5 < LINE_MAX_; text++) {
		unsigned char c = (unsigned char)*text;
		if (c >= 0x20 && c != 0x7f) {
			line[n++] = (char)c;
			continue;
		}
		line[n++] = '\\';
		line[n++] = 'x';
		line[n++] = digits[c >> 4];
		line[n++] = digits[c & 15];
	}
	return n;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	char line[LINE_MAX_], text[LINE_MAX_];
	struct timespec ts;
	struct tm tm;
	va_list ap;

	if (level < state.least)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	int head = snprintf(line, sizeof(line),
		"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s[%d] %s %s ",
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000000, state.process,
		(int)getpid(), level_names[level], event);
	size_t n =
		head > 0 && (size_t)head < sizeof(line) / 2 ? (size_t)head : 0;
	n = append_escaped(line, n, text);
	line[n++] = '\n';
	/* Nowhere to complain when standard error is gone. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
